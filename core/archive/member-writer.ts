import { crc32 } from 'node:zlib';
import { PodfreightError } from '../errors.ts';
import { MANIFEST_NAME } from '../sandbox-id.ts';
import { ahead } from './ahead.ts';
import { BufferPool, release } from './buffer-pool.ts';
import { crc32Combine } from './crc32.ts';
import { type ArchiveFormat, FRAME_BYTES, PLAIN_PIECE_BYTES } from './format.ts';
import { compressFrame } from './frame.ts';
import { HASHING_HERE, type Hashing } from './hashing.ts';
import { DEFAULT_CONCURRENCY, inOrder } from './in-order.ts';
import { type IndexedMember, type Member, tarBytes } from './member.ts';
import { encodeHeader } from './tar-encode.ts';
import { paddedBytes } from './tar-header.ts';

/** A member to be written. */
export interface MemberContent extends Member {
  /** Exactly `sizeBytes` of content, as {@link ReadInto}. Called once. */
  readonly read: ReadInto;
}

/**
 * Content in order, in chunks that are left alone until the next is asked for.
 * @param memory gives the place where the next bytes are wanted, at least one byte long: whoever reads right into it, and
 *   gives back as much of it as was filled, saves a copy. Without it, chunks may be of any size, anywhere.
 */
export type ReadInto = (memory?: () => Buffer) => AsyncIterable<Buffer>;

export interface EncodeOptions {
  /** zstd level, 1 when absent. */
  readonly level?: number;
  /** Frames compressed at once. */
  readonly concurrency?: number;
  /** Each piece is good only until the next one is asked for: its memory is used again. */
  readonly fleeting?: boolean;
  readonly hashing?: Hashing | undefined;
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
  for await (const { done, ...piece } of ahead(placed(wirePieces(members, format, options), format))) {
    yield piece;
    if (options.fleeting) done();
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
  /** Of `bytes`; a frame's is computed when it is compressed. */
  readonly crc32?: Promise<number>;
  /** With a member's last piece. */
  readonly finished?: Omit<IndexedMember, 'wire' | 'wireCrc32' | 'frames'>;
  /** Its memory may be used again. */
  done(): void;
}

/** Where the members lie in the object. */
async function* placed(
  pieces: AsyncIterable<TarPiece>,
  format: Exclude<ArchiveFormat, 'tar+gzip'>,
): AsyncGenerator<EncodedPiece & Pick<TarPiece, 'done'>> {
  let start = 0;
  let end = 0;
  let wireCrc32 = Promise.resolve(0);
  let frames: number[] = [];
  for await (const { bytes, crc32: ownCrc32, finished, done } of pieces) {
    end += bytes.length;
    frames.push(bytes.length);
    wireCrc32 = combined(wireCrc32, ownCrc32 ?? crc32(bytes), bytes.length);
    wireCrc32.catch(() => {}); // its failure is also that of what follows
    if (finished === undefined) {
      yield { bytes, done };
      continue;
    }
    const wire = { start, end };
    const member = { ...finished, wire, wireCrc32: await wireCrc32, ...(format === 'tar+zstd' && { frames }) };
    yield { bytes, done, member };
    start = end;
    wireCrc32 = Promise.resolve(0);
    frames = [];
  }
}

async function combined(before: Promise<number>, crc: Promise<number> | number, sizeBytes: number): Promise<number> {
  return crc32Combine(await before, await crc, sizeBytes);
}

/** The bytes of the object. */
function wirePieces(
  members: Iterable<MemberContent> | AsyncIterable<MemberContent>,
  format: Exclude<ArchiveFormat, 'tar+gzip'>,
  { level, concurrency = DEFAULT_CONCURRENCY, hashing = HASHING_HERE }: EncodeOptions,
): AsyncGenerator<TarPiece> {
  if (format === 'tar') return tarPieces(members, { pieceBytes: PLAIN_PIECE_BYTES, hashing, isWire: true });
  const plain = ahead(tarPieces(members, { pieceBytes: FRAME_BYTES, hashing, isWire: false }));
  return inOrder(plain, concurrency, async (piece) => {
    const bytes = await compressFrame(piece.bytes, level);
    piece.done();
    return { ...piece, bytes, done: () => release(bytes) };
  });
}

/**
 * The members' tar bytes in pieces of `pieceBytes`, each member starting a new one.
 * @param isWire they are the bytes of the object, and so have a CRC-32
 */
async function* tarPieces(
  members: Iterable<MemberContent> | AsyncIterable<MemberContent>,
  { pieceBytes, hashing, isWire }: { pieceBytes: number; hashing: Hashing; isWire: boolean },
): AsyncGenerator<TarPiece> {
  const pool = new BufferPool(pieceBytes, hashing.memory);
  for await (const content of members) {
    const { name, sizeBytes } = content;
    const modifiedAt = new Date(Math.floor(content.modifiedAt.getTime() / 1000) * 1000);
    const header = await encodeHeader({ name, sizeBytes, modifiedAt });
    const headerBytes = header.length;
    const total = tarBytes({ headerBytes, sizeBytes });
    const digests = hashing.digests(sizeBytes);
    let before: Promise<unknown> | undefined;
    let start = 0;
    for await (const { memory, filledBytes } of ahead(filled(content, header, pool, pieceBytes))) {
      const bytes = memory.subarray(0, Math.min(pieceBytes, total - start));
      bytes.fill(0, filledBytes);
      const updated = digests.update(bytes.subarray(Math.max(headerBytes - start, 0), filledBytes));
      const own = isWire ? { crc32: digests.crc32(bytes) } : {};
      const hashed = Promise.all([updated, own.crc32]);
      hashed.catch(() => {}); // its failure is also that of what follows
      await before; // so that hashing does not fall behind
      before = hashed;
      start += bytes.length;
      const done = () =>
        void hashed.then(
          () => pool.give(memory),
          () => {},
        );
      // Whether the content is longer than announced shows when more is asked for, which is before the archive ends.
      const piece = { bytes, ...own, done };
      if (start < total) yield piece;
      else yield { ...piece, finished: { name, sizeBytes, modifiedAt, sha256: await digests.sha256(), headerBytes } };
    }
  }
}

/** Header and content in memory of `pieceBytes`, which the last may not fill. */
async function* filled(
  { name, sizeBytes, read }: MemberContent,
  header: Buffer,
  pool: BufferPool,
  pieceBytes: number,
): AsyncGenerator<{ readonly memory: Buffer; readonly filledBytes: number }> {
  let left = sizeBytes;
  let memory = pool.take(Math.min(pieceBytes, header.length + paddedBytes(left)));
  let filledBytes = header.copy(memory);
  /** Where the next bytes belong; some memory also for those that are too many. */
  const room = () => (left > 0 ? memory.subarray(filledBytes, Math.min(pieceBytes, filledBytes + left)) : SPARE);
  for await (const chunk of read(room)) {
    if (chunk.length > left) throw changed(name, `it is longer than the ${sizeBytes} bytes it had`);
    for (let at = 0; at < chunk.length; ) {
      const place = room();
      const part = chunk.subarray(at, at + place.length);
      if (part.buffer !== place.buffer || part.byteOffset !== place.byteOffset) part.copy(place);
      at += part.length;
      filledBytes += part.length;
      left -= part.length;
      if (filledBytes < pieceBytes) continue;
      yield { memory, filledBytes };
      memory = pool.take(Math.min(pieceBytes, paddedBytes(left)));
      filledBytes = 0;
    }
  }
  if (left > 0) throw changed(name, `it ended after ${sizeBytes - left} of ${sizeBytes} bytes`);
  if (filledBytes > 0) yield { memory, filledBytes };
}

const SPARE = Buffer.alloc(1);

function changed(name: string, how: string): PodfreightError {
  return new PodfreightError('source-changed', `${name} changed while it was read: ${how}; try again.`, {
    subject: { member: name },
  });
}
