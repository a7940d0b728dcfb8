import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { PodfreightError } from '../errors.ts';
import { MANIFEST_NAME } from '../sandbox-id.ts';
import { type ArchiveFormat, FRAME_BYTES } from './format.ts';
import { compressFrame } from './frame.ts';
import { DEFAULT_CONCURRENCY, inOrder } from './in-order.ts';
import { type IndexedMember, type Member, tarBytes } from './member.ts';
import { encodeHeader } from './tar-encode.ts';
import { paddedBytes } from './tar-header.ts';

/** A member to be written. */
export interface MemberContent extends Member {
  /** Exactly `sizeBytes` of content, in chunks that nobody writes to again. Called once. */
  read(): AsyncIterable<Buffer>;
}

export interface EncodeOptions {
  /** zstd level, 1 when absent. */
  readonly level?: number;
  /** Frames compressed at once. */
  readonly concurrency?: number;
}

/** A piece of the archive; with a member's last piece comes where the member lies. */
export interface EncodedPiece {
  readonly bytes: Buffer;
  readonly member?: IndexedMember;
}

/**
 * Members as they lie in an archive, side by side from 0 on: plain, or every one in zstd frames of its own. Frames are
 * compressed side by side while the next content is read; no more of them are held than that takes.
 * @throws PodfreightError `source-changed` when a content is shorter or longer than announced, and what `read` throws
 */
export async function* encodeMembers(
  members: Iterable<MemberContent> | AsyncIterable<MemberContent>,
  format: Exclude<ArchiveFormat, 'tar+gzip'>,
  options: EncodeOptions = {},
): AsyncGenerator<EncodedPiece> {
  const frames = format === 'tar+zstd';
  const pieces = frames
    ? inOrder(cutMembers(members, FRAME_BYTES), options.concurrency ?? DEFAULT_CONCURRENCY, async (piece) => ({
        ...piece,
        bytes: await compressFrame(piece.bytes, options.level),
      }))
    : cutMembers(members);

  let start = 0;
  let end = 0;
  let wireCrc32 = 0;
  let sizes: number[] = [];
  for await (const { bytes, finished } of pieces) {
    end += bytes.length;
    wireCrc32 = crc32(bytes, wireCrc32);
    if (frames) sizes.push(bytes.length);
    if (finished === undefined) {
      yield { bytes };
      continue;
    }
    yield { bytes, member: { ...finished, wire: { start, end }, wireCrc32, ...(frames && { frames: sizes }) } };
    start = end;
    wireCrc32 = 0;
    sizes = [];
  }
}

/** The member `checkpointed.pods`. */
export function manifestContent(manifest: Buffer, modifiedAt: Date): MemberContent {
  return {
    name: MANIFEST_NAME,
    sizeBytes: manifest.length,
    modifiedAt,
    async *read() {
      yield manifest;
    },
  };
}

interface TarPiece {
  readonly bytes: Buffer;
  /** With a member's last piece. */
  readonly finished?: Omit<IndexedMember, 'wire' | 'wireCrc32' | 'frames'>;
}

/** The members' tar bytes: in pieces of `pieceBytes`, each member starting a new one, or as they come. */
async function* cutMembers(
  members: Iterable<MemberContent> | AsyncIterable<MemberContent>,
  pieceBytes?: number,
): AsyncGenerator<TarPiece> {
  for await (const content of members) {
    const { name, sizeBytes } = content;
    const modifiedAt = new Date(Math.floor(content.modifiedAt.getTime() / 1000) * 1000);
    const header = await encodeHeader({ name, sizeBytes, modifiedAt });
    const hash = createHash('sha256');
    const bytes = tarContent(content, header, hash);
    const total = tarBytes({ headerBytes: header.length, sizeBytes });
    let passed = 0;
    for await (const piece of pieceBytes === undefined ? bytes : cut(bytes, total, pieceBytes)) {
      passed += piece.length;
      const isLast = passed === total;
      if (!isLast) yield { bytes: piece };
      // Whether the content is longer than announced shows when more is asked for, which is before the archive ends.
      else {
        const sha256 = hash.digest('hex');
        yield { bytes: piece, finished: { name, sizeBytes, modifiedAt, sha256, headerBytes: header.length } };
      }
    }
  }
}

/** Header, content and padding. */
async function* tarContent(content: MemberContent, header: Buffer, hash: Hash): AsyncGenerator<Buffer> {
  const { name, sizeBytes } = content;
  yield header;
  let read = 0;
  for await (const chunk of content.read()) {
    read += chunk.length;
    if (read > sizeBytes) throw changed(name, `it is longer than the ${sizeBytes} bytes it had`);
    hash.update(chunk);
    if (chunk.length > 0) yield chunk;
  }
  if (read < sizeBytes) throw changed(name, `it ended after ${read} of ${sizeBytes} bytes`);
  const padding = paddedBytes(sizeBytes) - sizeBytes;
  if (padding > 0) yield Buffer.alloc(padding);
}

/** The same bytes in pieces of `pieceBytes`, the last of them as long as it takes to `totalBytes`. */
async function* cut(chunks: AsyncIterable<Buffer>, totalBytes: number, pieceBytes: number): AsyncGenerator<Buffer> {
  let left = totalBytes;
  let piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, left));
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(piece, filled, at);
      at += copied;
      filled += copied;
      if (filled < piece.length) continue;
      left -= filled;
      yield piece;
      piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, left));
      filled = 0;
    }
  }
}

function changed(name: string, how: string): PodfreightError {
  return new PodfreightError('source-changed', `${name} changed while it was read: ${how}; try again.`, {
    subject: { member: name },
  });
}
