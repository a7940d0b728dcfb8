/** Bytes `[start, end)` of an object: half-open, `0 <= start <= end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export function rangeLength(range: ByteRange): number {
  return range.end - range.start;
}

/**
 * The HTTP form, whose end is inclusive: `[0, 10)` is `bytes=0-9`.
 * @throws RangeError for an empty range, which HTTP cannot express.
 * @see RFC 9110 section 14.1.2
 */
export function httpRange({ start, end }: ByteRange): string {
  if (end <= start) throw new RangeError(`empty range [${start}, ${end})`);
  return `bytes=${start}-${end - 1}`;
}

/** Cuts `range` into consecutive ranges of at most `lengthBytes`. */
export function* cutRange(range: ByteRange, lengthBytes: number): Generator<ByteRange> {
  for (let start = range.start; start < range.end; start += lengthBytes) {
    yield { start, end: Math.min(start + lengthBytes, range.end) };
  }
}
