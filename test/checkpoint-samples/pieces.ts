import type { ByteSource } from '../../core/ports.ts';
import { type ByteRange, cutRange } from '../../core/range.ts';

/** Bytes at hand, or memory pages that are only made when they are read: so a sample can be of any size. */
export type Piece = Buffer | Pages;

export interface Pages {
  readonly length: number;
  /** The same seed makes the same pages. */
  readonly seed: number;
}

const PAGE_BYTES = 4096;
/** A pattern repeats within its page: pages compress to about a fifth, as memory does. */
const PATTERN_BYTES = 512;
const CHUNK_BYTES = 1024 * 1024;

/** The bytes of pages in a range of them. Every fourth page is zero. */
export function pagesAt({ seed }: Pages, { start, end }: ByteRange): Buffer {
  const firstPage = Math.floor(start / PAGE_BYTES);
  const lastPage = Math.ceil(end / PAGE_BYTES);
  const pages = Buffer.alloc((lastPage - firstPage) * PAGE_BYTES);
  for (let page = firstPage; page < lastPage; page++) {
    if (page % 4 === 3) continue;
    const at = (page - firstPage) * PAGE_BYTES;
    pages.fill(randomBytes(PATTERN_BYTES, seed * 1_000_003 + page), at, at + PAGE_BYTES);
  }
  return pages.subarray(start - firstPage * PAGE_BYTES, end - firstPage * PAGE_BYTES);
}

/** The same seed makes the same bytes. */
export function randomBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** All of it, for samples that are small. */
export function joined(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(pieces.map((piece) => sliceOf(piece, { start: 0, end: piece.length })));
}

export function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** A source over pieces that remembers what was asked of it. */
export class PieceSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly reads: ByteRange[] = [];
  readonly #pieces: readonly { readonly piece: Piece; readonly start: number }[];

  constructor(pieces: readonly Piece[], name = 'sample.tar') {
    this.name = name;
    let start = 0;
    this.#pieces = pieces.map((piece) => {
      start += piece.length;
      return { piece, start: start - piece.length };
    });
    this.sizeBytes = start;
  }

  get readBytes(): number {
    return this.reads.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  async read(range: ByteRange): Promise<Buffer> {
    const { start, end } = range;
    if (!(0 <= start && start <= end && end <= this.sizeBytes)) throw new RangeError(`[${start}, ${end})`);
    if (end > start) this.reads.push(range);
    const parts = this.#pieces
      .filter(({ piece, start: at }) => at < end && at + piece.length > start)
      .map(({ piece, start: at }) =>
        sliceOf(piece, { start: Math.max(start - at, 0), end: Math.min(end - at, piece.length) }),
      );
    return Buffer.concat(parts);
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer> {
    for (const chunk of cutRange(range, CHUNK_BYTES)) yield await this.read(chunk);
  }

  async close(): Promise<void> {}
}

function sliceOf(piece: Piece, range: ByteRange): Buffer {
  return Buffer.isBuffer(piece) ? piece.subarray(range.start, range.end) : pagesAt(piece, range);
}
