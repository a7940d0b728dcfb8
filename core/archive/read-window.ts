import { type ByteSource, LOCAL_PACE, type ReadPace } from '../ports.ts';
import { type ByteRange, rangeLength } from '../range.ts';

const FIRST_BYTES = 64 * 1024;
const MIN_BYTES = 4 * 1024;
const MAX_BYTES = 128 * 1024;

/**
 * The same source for many small reads that go forward: more is read than asked for, and what comes next is then at hand.
 * How much more adapts: it doubles while reads follow close on one another, as over hundreds of small members, halves with a
 * jump over a large one, and is least among several such, so that little is read in vain.
 */
export class ReadWindow implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly pace: ReadPace;
  readonly #source: ByteSource;
  #lengthBytes = FIRST_BYTES;
  #jumped = false;
  #at: Window = { start: 0, bytes: Buffer.alloc(0) };

  constructor(source: ByteSource) {
    this.#source = source;
    this.name = source.name;
    this.sizeBytes = source.sizeBytes;
    this.pace = source.pace ?? LOCAL_PACE;
  }

  async read(range: ByteRange): Promise<Buffer> {
    if (rangeLength(range) === 0) return Buffer.alloc(0);
    const { start, bytes } = this.#holds(range) ? this.#at : await this.#move(range);
    return bytes.subarray(range.start - start, range.end - start);
  }

  stream(range: ByteRange): AsyncIterable<Buffer> {
    return this.#source.stream(range);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  #holds({ start, end }: ByteRange): boolean {
    return start >= this.#at.start && end <= this.#end;
  }

  get #end(): number {
    return this.#at.start + this.#at.bytes.length;
  }

  async #move(range: ByteRange): Promise<Window> {
    if (this.#at.bytes.length > 0) this.#adapt(range.start);
    const isInside = range.start >= this.#at.start && range.start < this.#end;
    const kept = isInside ? this.#at.bytes.subarray(range.start - this.#at.start) : Buffer.alloc(0);
    const start = range.start + kept.length;
    const end = Math.min(Math.max(range.end, start + this.#lengthBytes), this.sizeBytes);
    const fresh = await this.#source.read({ start, end });
    const moved = { start: range.start, bytes: kept.length > 0 ? Buffer.concat([kept, fresh]) : fresh };
    this.#at = moved;
    return moved;
  }

  #adapt(start: number): void {
    const isNear = start >= this.#at.start && start <= this.#end + this.#lengthBytes;
    if (isNear) this.#lengthBytes = Math.min(this.#lengthBytes * 2, MAX_BYTES);
    else this.#lengthBytes = this.#jumped ? MIN_BYTES : Math.max(this.#lengthBytes / 2, MIN_BYTES);
    this.#jumped = !isNear;
  }
}

interface Window {
  readonly start: number;
  readonly bytes: Buffer;
}
