import type { ByteSource } from '../ports.ts';
import { type ArchivedManifest, checkSamePods, readManifest } from './archived-manifest.ts';
import { Content } from './content.ts';
import { decompressFrame } from './frame.ts';
import type { ArchiveIndex } from './index.ts';
import type { IndexedMember } from './member.ts';
import { memberData } from './member-reader.ts';
import type { Archive, ArchivedMember } from './reader.ts';
import { invalidArchive } from './refusal.ts';
import { END_OF_TAR } from './tar-encode.ts';

/** An archive of ours: every member is found, decoded and checked by the index. */
export class IndexedArchive implements Archive {
  readonly verified = true;
  readonly name: string;
  readonly format: ArchiveIndex['format'];
  readonly index: ArchiveIndex;
  readonly #source: ByteSource;
  #manifest: Promise<ArchivedManifest> | undefined;

  constructor(source: ByteSource, index: ArchiveIndex) {
    this.#source = source;
    this.name = source.name;
    this.format = index.format;
    this.index = index;
  }

  manifest(): Promise<ArchivedManifest> {
    const member = this.index.members[0]!;
    this.#manifest ??= readManifest(member, this.memberData(member), this.name);
    return this.#manifest;
  }

  async layout(): Promise<readonly IndexedMember[]> {
    return this.index.members;
  }

  async *members(wanted?: ReadonlySet<string>): AsyncGenerator<ArchivedMember> {
    const { manifest } = await this.manifest();
    const names = this.index.members.map((member) => member.name);
    checkSamePods(manifest, names, this.name);
    for (const member of this.index.members.slice(1)) {
      if (wanted !== undefined && !wanted.has(member.name)) continue;
      const content = new Content(this.memberData(member));
      try {
        yield { member, data: content.read() };
        await content.finish();
      } finally {
        await content.close();
      }
    }
    await this.#checkEnd();
  }

  memberData(member: IndexedMember): AsyncIterable<Buffer> {
    return memberData(this.#source, member);
  }

  /** Readers that know no index stop where the two zero blocks are. */
  async #checkEnd(): Promise<void> {
    const wire = await this.#source.read(this.index.endOfTar);
    const end = this.format === 'tar+zstd' ? await decompressFrame(wire, END_OF_TAR.length, this.name) : wire;
    if (!end.equals(END_OF_TAR)) throw invalidArchive(this.name, 'it does not end where its index says');
  }
}
