import { PodfreightError } from '../errors.ts';
import type { ByteSource } from '../ports.ts';
import { MANIFEST_NAME } from '../sandbox-id.ts';
import { type ArchivedManifest, checkSamePods, readManifest } from './archived-manifest.ts';
import { decode } from './decode.ts';
import type { ArchiveFormat } from './format.ts';
import type { Member } from './member.ts';
import { walkPlain } from './plain-walk.ts';
import { readAhead, readGrowing } from './read-ahead.ts';
import type { Archive, ArchivedMember } from './reader.ts';
import { invalidArchive } from './refusal.ts';
import { tarMembers } from './tar-members.ts';
import type { WalkedMember } from './tar-walk.ts';

/** An archive from elsewhere, or in gzip: what is in it shows only by going through it. */
export class UnindexedArchive implements Archive {
  readonly verified = false;
  readonly index = undefined;
  readonly name: string;
  readonly format: ArchiveFormat;
  readonly #source: ByteSource;
  #manifest: Promise<ArchivedManifest> | undefined;
  #walked: Promise<readonly WalkedMember[]> | undefined;

  constructor(source: ByteSource, format: ArchiveFormat) {
    this.#source = source;
    this.name = source.name;
    this.format = format;
  }

  manifest(): Promise<ArchivedManifest> {
    this.#manifest ??= this.format === 'tar' ? this.#findPlainManifest() : this.#findManifest();
    return this.#manifest;
  }

  async layout(): Promise<readonly Member[] | undefined> {
    if (this.format !== 'tar') return undefined;
    this.#walked ??= Array.fromAsync(walkPlain(this.#source));
    return (await this.#walked).map(({ name, sizeBytes, modifiedAt }) => ({ name, sizeBytes, modifiedAt }));
  }

  async *members(wanted?: ReadonlySet<string>): AsyncGenerator<ArchivedMember> {
    const wire = readAhead(this.#source, { start: 0, end: this.#source.sizeBytes });
    const names: string[] = [];
    let found: ArchivedManifest | undefined;
    for await (const { member, data } of tarMembers(decode(wire, this.format, this.name), this.name)) {
      const { name, sizeBytes, modifiedAt } = member;
      names.push(name);
      if (name === MANIFEST_NAME) found = await readManifest(member, data, this.name);
      else if (wanted?.has(name) ?? true) yield { member: { name, sizeBytes, modifiedAt }, data };
    }
    if (found === undefined) throw this.#withoutManifest();
    checkSamePods(found.manifest, names, this.name);
  }

  memberData(): AsyncIterable<Buffer> {
    throw new PodfreightError('internal', `The archive ${this.name} has no index to find a member by.`);
  }

  /** By the headers, which lie far apart: only as far as the manifest. */
  async #findPlainManifest(): Promise<ArchivedManifest> {
    for await (const member of (await this.#walked) ?? walkPlain(this.#source)) {
      if (member.name !== MANIFEST_NAME) continue;
      const { contentStart, sizeBytes } = member;
      const range = { start: contentStart, end: contentStart + sizeBytes };
      return readManifest(member, readAhead(this.#source, range), this.name);
    }
    throw this.#withoutManifest();
  }

  /** By decoding from the start, only as far as the manifest. */
  async #findManifest(): Promise<ArchivedManifest> {
    const tar = decode(readGrowing(this.#source), this.format, this.name);
    for await (const { member, data } of tarMembers(tar, this.name)) {
      if (member.name === MANIFEST_NAME) return await readManifest(member, data, this.name);
    }
    throw this.#withoutManifest();
  }

  #withoutManifest(): PodfreightError {
    return invalidArchive(this.name, `it has no ${MANIFEST_NAME}, so it is no checkpoint archive`);
  }
}
