import { createHash } from 'node:crypto';
import { PAGE_BYTES } from './corpus.ts';

/** Copied as a run, so that a page keeps its neighbours. */
const EXTENT_BYTES = 64 * PAGE_BYTES;
/** Pages left as they are, so that they come again. */
const REPEATED_SHARE = 0.05;
const STAMP_BYTES = 8;

/**
 * As many pages as are wanted from few real ones. The corpus comes round in extents of 256 KiB, each time in another
 * order, so that a copy lies some 12 MB away, further than zstd looks back at levels 1 and 3. Eight random bytes make each
 * page its own, except pages of zeros and one in twenty. The same seed gives the same bytes.
 */
export class PageStream {
  readonly #corpus: Buffer;
  readonly #random: () => number;
  #order: number[] = [];
  #extent: Buffer = Buffer.alloc(0);

  constructor(corpus: Buffer, seed: string) {
    this.#corpus = corpus;
    this.#random = seededRandom(seed);
  }

  fill(target: Buffer): void {
    for (let at = 0; at < target.length; ) {
      if (this.#extent.length === 0) this.#extent = this.#nextExtent();
      const copied = this.#extent.copy(target, at);
      this.#stamp(target.subarray(at, at + copied));
      this.#extent = this.#extent.subarray(copied);
      at += copied;
    }
  }

  #nextExtent(): Buffer {
    if (this.#order.length === 0) this.#order = this.#shuffled(Math.ceil(this.#corpus.length / EXTENT_BYTES));
    const start = this.#order.pop()! * EXTENT_BYTES;
    return this.#corpus.subarray(start, start + EXTENT_BYTES);
  }

  #stamp(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      const page = bytes.subarray(at, at + PAGE_BYTES);
      if (isZero(page) || this.#random() < REPEATED_SHARE) continue;
      const offset = STAMP_BYTES * Math.floor(this.#random() * Math.floor(page.length / STAMP_BYTES));
      for (let i = offset; i < Math.min(page.length, offset + STAMP_BYTES); i++) page[i] = this.#random() * 256;
    }
  }

  #shuffled(count: number): number[] {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}

const ZEROS = Buffer.alloc(PAGE_BYTES);

export function isZero(page: Buffer): boolean {
  return page.equals(page.length === PAGE_BYTES ? ZEROS : ZEROS.subarray(0, page.length));
}

/** Marsaglia's xorshift of 32 bits: numbers in [0, 1). */
function seededRandom(seed: string): () => number {
  let state = createHash('sha256').update(seed).digest().readUInt32LE() || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
