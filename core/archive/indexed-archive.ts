import type { ByteSource } from '../ports.ts';
import { type ArchivedManifest, checkSamePods, readManifest } from './archived-manifest.ts';
import { Content } from './content.ts';
import { decompressFrame } from './frame.ts';
import type { ArchiveIndex } from './index.ts';
import type { IndexedMember } from './member.ts';
import { type MemberChunk, memberChunks, memberData, type ReadOptions } from './member-reader.ts';
import { withBytes } from './read-ahead.ts';
import type { Archive, ArchivedMember } from './reader.ts';
import { invalidArchive } from './refusal.ts';
import { END_OF_TAR } from './tar-encode.ts';

/** An archive of ours: every member is found, decoded and checked by the index. */
export class IndexedArchive implements Archive {
  readonly verified = true;
  readonly name: string;
  readonly format: ArchiveIndex['format'];
  readonly index: ArchiveIndex;
  readonly identity: string | undefined;
  readonly #source: ByteSource;
  #manifest: Promise<ArchivedManifest> | undefined;

  constructor(source: ByteSource, index: ArchiveIndex, identity?: string) {
    this.#source = source;
    this.name = source.name;
    this.format = index.format;
    this.index = index;
    this.identity = identity;
  }

  manifest(): Promise<ArchivedManifest> {
    const member = this.index.members[0]!;
    this.#manifest ??= readManifest(member, this.#atOnce(member), this.name);
    return this.#manifest;
  }

  async layout(): Promise<readonly IndexedMember[]> {
    return this.index.members;
  }

  async *members(wanted?: ReadonlySet<string>, options: ReadOptions = {}): AsyncGenerator<ArchivedMember> {
    const { manifest } = await this.manifest();
    const names = this.index.members.map((member) => member.name);
    checkSamePods(manifest, names, this.name);
    const chosen = this.index.members.slice(1).filter(({ name }) => wanted?.has(name) ?? true);
    const chunks = memberChunks(this.#source, chosen, options);
    try {
      for (const member of chosen) {
        const content = new Content(contentOf(chunks));
        yield { member, data: content.read(), sha256: member.sha256 };
        await content.finish();
      }
    } finally {
      await chunks.return(undefined);
    }
    await this.#checkEnd();
  }

  /** As `memberData`, but by one read: it is short, and each may be a request. */
  async *#atOnce(member: IndexedMember): AsyncGenerator<Buffer> {
    const wire = await this.#source.read(member.wire);
    yield* memberData(withBytes(this.#source, member.wire.start, wire), member);
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

/** Of the member whose turn it is; leaves the rest of `chunks` as it is. */
async function* contentOf(chunks: AsyncGenerator<MemberChunk>): AsyncGenerator<Buffer> {
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) return;
    if (value.bytes.length > 0) yield value.bytes;
    if (value.isLast) return;
  }
}
