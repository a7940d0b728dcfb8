import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { PodfreightError } from '../errors.ts';
import { FrameWalk } from './frame-walk.ts';
import { corruptArchive, invalidArchive } from './refusal.ts';

const zstdCompress = promisify(zlib.zstdCompress);
const zstdDecompress = promisify(zlib.zstdDecompress);

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
  return zstdCompress(bytes, {
    params: {
      [zlib.constants.ZSTD_c_compressionLevel]: level,
      [zlib.constants.ZSTD_c_checksumFlag]: 1,
    },
    pledgedSrcSize: bytes.length,
    // One piece: each further one is another trip to the thread pool.
    chunkSize: frameBound(bytes.length),
  });
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
  let content: Buffer;
  try {
    content = await zstdDecompress(bytes, {
      maxOutputLength: Math.max(sizeBytes, 1),
      chunkSize: Math.max(sizeBytes, MIN_CHUNK_BYTES),
    });
  } catch (cause) {
    throw damagedFrame(archive, cause);
  }
  if (content.length !== sizeBytes) {
    throw invalidArchive(archive, `a zstd frame holds ${content.length} bytes instead of ${sizeBytes}`);
  }
  return content;
}

/** A decoder's error in our terms; one of ours stays as it is. */
export function damagedFrame(archive: string, cause: unknown): PodfreightError {
  if (cause instanceof PodfreightError) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  return corruptArchive(archive, `its zstd data is damaged (${said})`, undefined, cause);
}
