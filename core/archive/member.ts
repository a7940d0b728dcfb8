import type { ByteRange } from '../range.ts';
import { paddedBytes } from './tar-header.ts';

/** One file in an archive: `checkpointed.pods` or `<SandboxID>.tar`, always at the root, without `./`. */
export interface Member {
  readonly name: string;
  /** Bytes of content, without tar headers and padding. */
  readonly sizeBytes: number;
  /** The tar header's time: whole seconds. */
  readonly modifiedAt: Date;
}

/** A member as the index describes it. */
export interface IndexedMember extends Member {
  /** SHA-256 of the content, 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Bytes of tar headers before the content: 512, or more with extended headers; a multiple of 512. */
  readonly headerBytes: number;
  /** Where headers, content and padding lie in the object. For zstd: exactly the member's frames. */
  readonly wire: ByteRange;
  /** CRC-32 (IEEE, as zlib) of those wire bytes, unsigned. */
  readonly wireCrc32: number;
  /**
   * zstd only: the compressed size of each frame in order. Frame i holds the bytes `[i * frameBytes, …)` of headers,
   * content and padding, so its uncompressed size is `frameBytes`, and what remains in the last.
   */
  readonly frames?: readonly number[];
}

/** Bytes that a member takes in the tar: headers, content and padding. */
export function tarBytes(member: Pick<IndexedMember, 'headerBytes' | 'sizeBytes'>): number {
  return member.headerBytes + paddedBytes(member.sizeBytes);
}
