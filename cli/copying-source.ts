import type { ByteSource, ReadPace } from '../core/ports.ts';
import { type ByteRange, cutRange, rangeLength } from '../core/range.ts';
import type { PartialFile } from './partial.ts';

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
    const kept = this.#file.has(range) ? await this.#file.read(range, into) : undefined;
    const bytes = kept ?? (await this.#source.read(range, into));
    if (kept === undefined) await this.#file.write(bytes, range.start);
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
