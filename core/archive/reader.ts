import type { ByteSource, ObjectSource } from '../ports.ts';
import type { ArchivedManifest } from './archived-manifest.ts';
import type { ArchiveFormat } from './format.ts';
import { type ArchiveIndex, readIndex, TAIL_BYTES } from './index.ts';
import { IndexedArchive } from './indexed-archive.ts';
import type { IndexedMember, Member } from './member.ts';
import type { ReadOptions } from './member-reader.ts';
import { withBytes } from './read-ahead.ts';
import { sniff } from './sniff.ts';
import { UnindexedArchive } from './unindexed-archive.ts';

/** The first read of an archive without an index: enough for most manifests that come first in a plain tar. */
const HEAD_BYTES = 64 * 1024;

/**
 * An archive opened for reading. Every way in is strict: what is read are regular files named `checkpointed.pods` or
 * `<SandboxID>.tar`, anything else is refused. All methods throw PodfreightError `invalid-archive`, `corrupt-archive`,
 * `unsupported`, and what the source throws. The source stays the caller's to close.
 */
export interface Archive {
  /** The source's name. */
  readonly name: string;
  readonly format: ArchiveFormat;
  /** Tells its bytes from any others, for good; undefined where nothing does. */
  readonly identity?: string | undefined;
  /** Where everything lies; undefined for an archive from elsewhere, and for gzip. */
  readonly index: ArchiveIndex | undefined;
  /** Whether there are digests, so that `members` and `memberData` prove the contents to be what was written. */
  readonly verified: boolean;

  /**
   * The manifest, read the cheapest way there is, and its bytes as they stand there. Its SandboxIDs are valid, each once.
   * Whether the archive has the pods it names is not looked at.
   * @throws PodfreightError `invalid-manifest`
   */
  manifest(): Promise<ArchivedManifest>;

  /**
   * All members in order, the manifest among them, without reading their contents; undefined when that cannot be known
   * (compressed without an index).
   */
  layout(): Promise<readonly Member[] | undefined>;

  /**
   * One pass over the whole archive: yields the pods' members in order, never the manifest. Each content is for one
   * iteration and can be read until the next member is asked for; what is not read is read and checked then. Nothing counts
   * before the pass is over: only then is it known that manifest and members name the same pods, that nothing but the end
   * follows, and (with an index) that every digest is right.
   * @param wanted names of the only members to yield; the contents of others are not read where an index allows that
   * @throws PodfreightError `invalid-manifest`
   */
  members(wanted?: ReadonlySet<string>, options?: ReadOptions): AsyncGenerator<ArchivedMember>;

  /** The content of one of `index.members`, by itself: see `memberData` in member-reader.ts. */
  memberData(member: IndexedMember): AsyncIterable<Buffer>;
}

export interface ArchivedMember {
  readonly member: Member;
  readonly data: AsyncIterable<Buffer>;
  /** Of the content, 64 lower-case hexadecimal digits, where `data` ends only if it has it. */
  readonly sha256?: string;
}

/**
 * Opens an archive of any kind: with one read of its last 64 KiB, and when it has no index, one of its first.
 * @throws PodfreightError `invalid-archive`, `corrupt-archive`, `unsupported`, and as {@link ByteSource}
 */
export async function openArchive(source: ByteSource | ObjectSource): Promise<Archive> {
  const { sizeBytes, name } = source;
  const tailStart = Math.max(0, sizeBytes - TAIL_BYTES);
  const tail = await source.read({ start: tailStart, end: sizeBytes });
  const tailed = withBytes(source, tailStart, tail);
  const index = await readIndex(tailed);
  const identity = 'etag' in source ? JSON.stringify([name, source.etag, source.location.versionId]) : undefined;
  if (index) return new IndexedArchive(tailed, index, identity);
  const head = await tailed.read({ start: 0, end: Math.min(HEAD_BYTES, sizeBytes) });
  return new UnindexedArchive(withBytes(tailed, 0, head), sniff(head, name));
}
