import type { ByteSource } from '../ports.ts';
import { type ByteRange, cutRange } from '../range.ts';
import { DEFAULT_CONCURRENCY, inOrder } from './in-order.ts';

/** One read: large enough that a request's latency is small beside it, small enough to hold several. */
export const READ_BYTES = 4 * 1024 * 1024;
/** The first read of a search. */
const FIRST_READ_BYTES = 64 * 1024;
const GROWTH = 2;

/** The bytes of `range` in order, in chunks of at most 4 MiB, of which four are read at once. */
export function readAhead(source: ByteSource, range: ByteRange): AsyncGenerator<Buffer> {
  return inOrder(cutRange(range, READ_BYTES), DEFAULT_CONCURRENCY, (piece) => source.read(piece));
}

/** The whole source in order, for a search that may end soon: reads that grow from 64 KiB on, one at a time. */
export async function* readGrowing(source: ByteSource): AsyncGenerator<Buffer> {
  let length = FIRST_READ_BYTES;
  for (let start = 0; start < source.sizeBytes; ) {
    const end = Math.min(start + length, source.sizeBytes);
    yield await source.read({ start, end });
    start = end;
    length = Math.min(length * GROWTH, READ_BYTES);
  }
}

/** The same source, of which the bytes from `start` on are at hand already and are not asked for again. */
export function withBytes(source: ByteSource, start: number, bytes: Buffer): ByteSource {
  return {
    name: source.name,
    sizeBytes: source.sizeBytes,
    async read(range) {
      const isAtHand = range.start >= start && range.end <= start + bytes.length;
      return isAtHand ? bytes.subarray(range.start - start, range.end - start) : source.read(range);
    },
    stream: (range) => source.stream(range),
    close: () => source.close(),
  };
}
