import { type ByteRange, cutRange, rangeLength } from '../core/range.ts';

/** A piece of a file that was written. */
export interface Piece extends ByteRange {
  /** CRC-32 of its bytes. */
  readonly crc: number;
  /** This process has written it, or found it as it was written. */
  isProven: boolean;
}

/** Bytes that a piece has, or that are missing. */
export interface Stretch extends ByteRange {
  readonly piece?: Piece;
}

/** Which bytes of a file were written, whatever the pieces: what is asked for may be cut otherwise every time. */
export class KeptPieces {
  /** In order, none empty, side by side at most. */
  readonly #kept: Required<Stretch>[] = [];

  /** Where others have the same bytes, the newest counts. An empty one is none. */
  add(piece: Piece): void {
    const { start, end } = piece;
    if (rangeLength(piece) <= 0) return;
    const first = this.#firstBehind(start);
    let behind = first;
    while (behind < this.#kept.length && this.#kept[behind]!.start < end) behind++;
    const [left, right] = [this.#kept[first], this.#kept[behind - 1]];
    this.#kept.splice(
      first,
      behind - first,
      ...(left !== undefined && left.start < start ? [{ ...left, end: start }] : []),
      { start, end, piece },
      ...(behind > first && right!.end > end ? [{ ...right!, start: end }] : []),
    );
  }

  forget(piece: Piece): void {
    for (let i = this.#firstBehind(piece.start); i < this.#kept.length && this.#kept[i]!.start < piece.end; ) {
      if (this.#kept[i]!.piece === piece) this.#kept.splice(i, 1);
      else i++;
    }
  }

  /** All of `range` in order: what pieces have of it, and what is missing between them. */
  *stretches({ start, end }: ByteRange): Generator<Stretch> {
    let at = start;
    for (let i = this.#firstBehind(start); at < end; i++) {
      const next = this.#kept[i];
      const from = Math.min(next?.start ?? end, end);
      if (from > at) yield { start: at, end: from };
      if (next === undefined || from === end) return;
      at = Math.min(next.end, end);
      yield { start: Math.max(from, start), end: at, piece: next.piece };
    }
  }

  /** Whether nothing of `range` is missing; of an empty one, there is nothing to be had. */
  has(range: ByteRange, isGood: (piece: Piece) => boolean = () => true): boolean {
    for (const { piece } of this.stretches(range)) if (piece === undefined || !isGood(piece)) return false;
    return rangeLength(range) > 0;
  }

  /** The first that ends behind `position`. */
  #firstBehind(position: number): number {
    let [low, high] = [0, this.#kept.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#kept[middle]!.end <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Ranges in order, of which neighbours become one, cut into requests of at most so many bytes. */
export function* requestsFor(missing: Iterable<ByteRange>, requestBytes: number): Generator<ByteRange> {
  let open: ByteRange | undefined;
  for (const range of missing) {
    if (open !== undefined && open.end === range.start) open = { start: open.start, end: range.end };
    else {
      if (open !== undefined) yield* cutRange(open, requestBytes);
      open = range;
    }
  }
  if (open !== undefined) yield* cutRange(open, requestBytes);
}
