import zlib from 'node:zlib';
import { PodfreightError } from '../errors.ts';
import { FrameWalk } from './frame-walk.ts';
import { corruptArchive, invalidArchive } from './refusal.ts';

/** Level 1 packs memory pages as well as level 3, and faster (docs/design.md). */
const DEFAULT_LEVEL = 1;
/** zlib refuses smaller buffers. */
const MIN_CHUNK_BYTES = 64;

/** Most bytes that `sizeBytes` can become. @see ZSTD_COMPRESSBOUND in zstd.h */
export function frameBound(sizeBytes: number): number {
  return sizeBytes + Math.ceil(sizeBytes / 256) + 1024;
}

/**
 * One zstd frame holding `bytes`, which states its content's size and checksum. The work is done in libuv's thread pool,
 * so several frames at once use several cores; the same bytes give the same frame.
 */
export function compressFrame(bytes: Buffer, level: number = DEFAULT_LEVEL): Promise<Buffer> {
  const coder = zlib.createZstdCompress({
    params: {
      [zlib.constants.ZSTD_c_compressionLevel]: level,
      [zlib.constants.ZSTD_c_checksumFlag]: 1,
    },
    pledgedSrcSize: bytes.length,
    // Told at once that this is all, and with room for all, zstd works where the bytes are instead of in a window of its own.
    flush: zlib.constants.ZSTD_e_end,
    chunkSize: frameBound(bytes.length),
  });
  return codeOnce(coder, bytes, Infinity);
}

/**
 * The content of `bytes`, which must be exactly one zstd frame of exactly `sizeBytes` of content. Memory is bounded by
 * `sizeBytes`; a checksum in the frame is verified.
 * @param archive its name, for messages
 * @throws PodfreightError `invalid-archive`, `corrupt-archive`, `unsupported`
 */
export async function decompressFrame(bytes: Buffer, sizeBytes: number, archive: string): Promise<Buffer> {
  const walk = new FrameWalk(archive);
  const end = walk.push(bytes);
  if (walk.kind !== 'zstd' || !walk.done || end !== bytes.length) {
    throw invalidArchive(archive, 'a zstd frame is not where its index says');
  }
  if (walk.contentBytes !== undefined && walk.contentBytes !== sizeBytes) {
    throw invalidArchive(archive, `a zstd frame holds ${walk.contentBytes} bytes instead of ${sizeBytes}`);
  }
  // One byte more than there is: a full piece would be followed by another.
  const coder = zlib.createZstdDecompress({ chunkSize: Math.max(sizeBytes + 1, MIN_CHUNK_BYTES) });
  let content: Buffer;
  try {
    content = await codeOnce(coder, bytes, sizeBytes);
  } catch (cause) {
    throw damagedFrame(archive, cause);
  }
  if (content.length !== sizeBytes) {
    throw invalidArchive(archive, `a zstd frame holds ${content.length} bytes instead of ${sizeBytes}`);
  }
  return content;
}

/**
 * What `coder` makes of `bytes` by one trip to the thread pool. `zlib.zstdCompress` and `zstdDecompress` take a second one,
 * just to say that there is no more.
 * @throws Error the coder's, or when that is more than `maxBytes`
 */
function codeOnce(coder: zlib.ZstdCompress | zlib.ZstdDecompress, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const pieces: Buffer[] = [];
  let codedBytes = 0;
  coder.on('error', reject);
  coder.on('data', (piece: Buffer) => {
    pieces.push(piece);
    codedBytes += piece.length;
    if (codedBytes <= maxBytes) return;
    reject(new Error(`more than ${maxBytes} bytes`));
    coder.destroy();
  });
  coder.write(bytes, () => {
    coder.destroy();
    if (coder.bytesWritten !== bytes.length) reject(new Error('something follows its end'));
    resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
  });
  return promise;
}

/** A decoder's error in our terms; one of ours stays as it is. */
export function damagedFrame(archive: string, cause: unknown): PodfreightError {
  if (cause instanceof PodfreightError) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  return corruptArchive(archive, `its zstd data is damaged (${said})`, undefined, cause);
}
