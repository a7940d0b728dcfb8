import { type ByteSource, LOCAL_PACE, type ReadPace } from '../core/ports.ts';
import { type ByteRange, cutRange, rangeLength } from '../core/range.ts';
import { requestsFor } from './kept-pieces.ts';
import type { PartialFile } from './partial-file.ts';

/** Takes from a file what it has, and writes into it what it has not: what is read is copied on the way. */
export class CopyingSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly pace?: ReadPace;
  readonly #source: ByteSource;
  readonly #file: PartialFile;
  readonly #onCopied: (bytes: number) => void;
  readonly #copied: ByteRange[] = [];

  /** @param onCopied so many more bytes are in the file */
  constructor(source: ByteSource, file: PartialFile, onCopied: (bytes: number) => void) {
    this.name = source.name;
    this.sizeBytes = source.sizeBytes;
    if (source.pace) this.pace = source.pace;
    this.#source = source;
    this.#file = file;
    this.#onCopied = onCopied;
  }

  async read(range: ByteRange, into?: Buffer): Promise<Buffer> {
    if (rangeLength(range) === 0) return this.#source.read(range, into);
    const bytes = into?.subarray(0, rangeLength(range)) ?? Buffer.allocUnsafeSlow(rangeLength(range));
    const missing = await this.#file.fill(range, bytes);
    const { readBytes } = this.pace ?? LOCAL_PACE;
    const fetched = [...requestsFor(missing, readBytes)].map(async ({ start, end }) => {
      const place = bytes.subarray(start - range.start, end - range.start);
      const given = await this.#source.read({ start, end }, place);
      if (given.buffer !== place.buffer || given.byteOffset !== place.byteOffset) given.copy(place);
      await this.#file.write(place, start);
    });
    // Nothing may be written to its memory any more when this fails.
    for (const one of await Promise.allSettled(fetched)) if (one.status === 'rejected') throw one.reason;
    this.#copied.push(range);
    this.#onCopied(bytes.length);
    return bytes;
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer> {
    for (const piece of cutRange(range, this.pace?.readBytes ?? rangeLength(range))) yield await this.read(piece);
  }

  /** Copies what nobody has read. */
  async rest(): Promise<void> {
    let end = 0;
    for (const range of this.#copied.toSorted((a, b) => a.start - b.start)) {
      if (range.start > end) await this.#copy({ start: end, end: range.start });
      end = Math.max(end, range.end);
    }
    await this.#copy({ start: end, end: this.sizeBytes });
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  async #copy(range: ByteRange): Promise<void> {
    for await (const _ of this.stream(range));
  }
}
