import { malformed } from './answer-head.ts';

/** Of a chunk's size with its extensions, or of a trailer. */
const MAX_LINE_BYTES = 4096;
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,8})(?:[\t ]*;.*)?$/;
const LF = 0x0a;
/** What a chunk or a trailer costs to keep, however short it is. */
const LINE_COST_BYTES = 128;

/**
 * Takes a body apart that comes in chunks: error documents and listings, so it is kept in memory, bounded.
 * @see RFC 9112 section 7.1
 */
export class ChunkedBody {
  readonly #maxBytes: number;
  readonly #data: Buffer[] = [];
  #cost = 0;
  #line = '';
  /** `size` and `trailer` read lines; `data` has so many bytes left; `end` is the line end behind a chunk. */
  #state: 'size' | 'data' | 'end' | 'trailer' | 'done' = 'size';
  #left = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** The data of all chunks. */
  get bytes(): Buffer {
    return Buffer.concat(this.#data);
  }

  /**
   * Takes bytes, which may be overwritten afterwards.
   * @returns how many of them belong to the body: all, but for the last call
   * @throws PodfreightError `service` when they are malformed or too many
   */
  push(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') {
      at += this.#state === 'data' ? this.#takeData(bytes.subarray(at)) : this.#takeLine(bytes.subarray(at));
    }
    return at;
  }

  #takeData(bytes: Buffer): number {
    const piece = Buffer.from(bytes.subarray(0, this.#left));
    this.#data.push(piece);
    this.#left -= piece.length;
    if (this.#left === 0) this.#state = 'end';
    return piece.length;
  }

  #takeLine(bytes: Buffer): number {
    const end = bytes.indexOf(LF);
    const taken = end < 0 ? bytes.length : end + 1;
    this.#line += bytes.toString('latin1', 0, taken);
    if (this.#line.length > MAX_LINE_BYTES) throw malformed('has a chunk with a header that is too long');
    if (end < 0) return taken;
    if (!this.#line.endsWith('\r\n')) throw malformed('has a malformed chunk');
    const line = this.#line.slice(0, -2);
    this.#line = '';
    this.#onLine(line);
    return taken;
  }

  #onLine(line: string): void {
    if (this.#state === 'trailer') {
      if (line === '') this.#state = 'done';
      else this.#charge(0);
      return;
    }
    if (this.#state === 'end') {
      if (line !== '') throw malformed('has a chunk that is longer than it says');
      this.#state = 'size';
      return;
    }
    const [, size] = CHUNK_SIZE.exec(line) ?? [];
    if (size === undefined) throw malformed('has a malformed chunk');
    this.#left = Number.parseInt(size, 16);
    this.#charge(this.#left);
    this.#state = this.#left === 0 ? 'trailer' : 'data';
  }

  #charge(bytes: number): void {
    this.#cost += bytes + LINE_COST_BYTES;
    if (this.#cost > this.#maxBytes) throw malformed(`is longer than ${this.#maxBytes} bytes`);
  }
}
