import { type ByteSource, LOCAL_PACE, type ReadPace } from '../ports.ts';
import { type ByteRange, cutRange, rangeLength } from '../range.ts';
import { inOrder, type Window } from './in-order.ts';

/** The first read of a search, and the longest. */
const FIRST_READ_BYTES = 64 * 1024;
export const READ_BYTES = 4 * 1024 * 1024;
const GROWTH = 2;

/** The bytes of `range` in order, read as the source likes it. */
export function readAhead(source: ByteSource, range: ByteRange): AsyncGenerator<Buffer> {
  const pace = source.pace ?? LOCAL_PACE;
  return inOrder(cutRange(range, pace.readBytes), windowOf(pace, rangeLength), (piece) => source.read(piece));
}

/** @param weigh gives an item's bytes */
export function windowOf<Item>(pace: ReadPace, weigh: (item: Item) => number): Window<Item> {
  return {
    get size() {
      return pace.windowBytes;
    },
    weigh,
  };
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
    ...(source.pace && { pace: source.pace }),
    async read(range, into) {
      const isAtHand = range.start >= start && range.end <= start + bytes.length;
      return isAtHand ? bytes.subarray(range.start - start, range.end - start) : source.read(range, into);
    },
    stream: (range) => source.stream(range),
    close: () => source.close(),
  };
}
