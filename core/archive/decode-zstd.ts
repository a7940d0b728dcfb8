import { pipeline, Readable } from 'node:stream';
import zlib from 'node:zlib';
import { FRAME_BYTES } from './format.ts';
import { damagedFrame, decompressFrame, frameBound } from './frame.ts';
import { FrameWalk, MAX_WINDOW_LOG } from './frame-walk.ts';
import { DEFAULT_CONCURRENCY } from './in-order.ts';
import { endsEarly, invalidArchive } from './refusal.ts';

const OUTPUT_CHUNK_BYTES = 1024 * 1024;
/** Frames up to this content are decoded whole, several at once. */
const MAX_WHOLE_CONTENT_BYTES = 2 * FRAME_BYTES;

/**
 * Decodes zstd frame by frame, each with a decoder of its own, skipping skippable ones: `node:zlib` stops without an error
 * after the first frame (nodejs/node#64741). Small frames are decoded in parallel; of others only a window is in memory.
 * @param archive its name, for messages
 * @throws PodfreightError `invalid-archive` (cut off, or something after the frames), `corrupt-archive`, `unsupported`
 */
export async function* decodeZstd(input: AsyncIterable<Buffer>, archive: string): AsyncGenerator<Buffer> {
  const chunks = new ChunkReader(input);
  const underWay: Promise<Buffer>[] = [];
  try {
    while (await chunks.peek()) {
      const walk = new FrameWalk(archive);
      const pieces = framePieces(chunks, walk, archive);
      const held = await gather(pieces, walk);
      if (walk.kind === 'skippable') {
        while (!(await pieces.next()).done);
      } else if (walk.done && isWhole(walk)) {
        const frame = decompressFrame(Buffer.concat(held), walk.contentBytes!, archive);
        // Awaited in its turn; until then its failure is no unhandled one.
        frame.catch(() => {});
        underWay.push(frame);
        if (underWay.length >= DEFAULT_CONCURRENCY) yield await underWay.shift()!;
      } else {
        while (underWay.length > 0) yield await underWay.shift()!;
        yield* decodeLongFrame(held, pieces, walk, archive);
      }
    }
    while (underWay.length > 0) yield await underWay.shift()!;
  } finally {
    await Promise.allSettled(underWay);
    await chunks.close();
  }
}

function isWhole(walk: FrameWalk): boolean {
  return walk.contentBytes !== undefined && walk.contentBytes <= MAX_WHOLE_CONTENT_BYTES;
}

/** The first pieces of a frame: all of one that will be decoded whole, else until it is known that it will not. */
async function gather(pieces: AsyncGenerator<Buffer>, walk: FrameWalk): Promise<Buffer[]> {
  const held: Buffer[] = [];
  let heldBytes = 0;
  while (!walk.done && walk.kind !== 'skippable') {
    if (walk.headerSeen && (!isWhole(walk) || heldBytes > frameBound(walk.contentBytes!))) break;
    const { value, done } = await pieces.next();
    if (done) break;
    held.push(value);
    heldBytes += value.length;
  }
  return held;
}

/** The bytes of the frame at hand, as they come. */
async function* framePieces(chunks: ChunkReader, walk: FrameWalk, archive: string): AsyncGenerator<Buffer> {
  while (!walk.done) {
    const chunk = await chunks.peek();
    if (!chunk) throw endsEarly(archive, 'in the middle of a zstd frame');
    const end = walk.push(chunk);
    chunks.take(end);
    yield chunk.subarray(0, end);
  }
}

async function* decodeLongFrame(
  held: Buffer[],
  rest: AsyncGenerator<Buffer>,
  walk: FrameWalk,
  archive: string,
): AsyncGenerator<Buffer> {
  let fedBytes = 0;
  async function* feed(): AsyncGenerator<Buffer> {
    for (const piece of held.splice(0)) {
      fedBytes += piece.length;
      yield piece;
    }
    for await (const piece of rest) {
      fedBytes += piece.length;
      yield piece;
    }
  }
  const decoder = zlib.createZstdDecompress({
    chunkSize: OUTPUT_CHUNK_BYTES,
    params: { [zlib.constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
  pipeline(Readable.from(feed(), { highWaterMark: 1 }), decoder, () => {});
  let contentBytes = 0;
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      contentBytes += chunk.length;
      yield chunk;
    }
  } catch (cause) {
    throw damagedFrame(archive, cause);
  }
  if (!walk.done || decoder.bytesWritten !== fedBytes)
    throw invalidArchive(archive, 'a zstd frame ends before its blocks do');
  if (walk.contentBytes !== undefined && walk.contentBytes !== contentBytes) {
    throw invalidArchive(archive, `a zstd frame holds ${contentBytes} bytes instead of ${walk.contentBytes}`);
  }
}

/** Chunks of which a part can be taken. */
class ChunkReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(input: AsyncIterable<Buffer>) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  /** What is left of the chunk at hand, or the next; undefined at the end. */
  async peek(): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done) return undefined;
      this.#rest = value;
    }
    return this.#rest;
  }

  take(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
