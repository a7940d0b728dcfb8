import type { ByteSource, ReadPace } from '../core/ports.ts';
import type { ByteRange } from '../core/range.ts';
import type { CommandContext } from './command.ts';
import type { Progress } from './progress.ts';

/** What is read in a moment needs no progress line. */
const SHOWN_FROM_BYTES = 4 * 1024 * 1024;

/** The same source, whose reading can be stopped, and shows when it goes on for long. */
export class WatchedSource implements ByteSource, Disposable {
  readonly name: string;
  readonly sizeBytes: number;
  readonly pace?: ReadPace;
  readonly #source: ByteSource;
  readonly #context: CommandContext;
  #readBytes = 0;
  #progress: Progress | undefined;

  constructor(source: ByteSource, context: CommandContext) {
    this.name = source.name;
    this.sizeBytes = source.sizeBytes;
    if (source.pace) this.pace = source.pace;
    this.#source = source;
    this.#context = context;
  }

  async read(range: ByteRange, into?: Buffer): Promise<Buffer> {
    const bytes = await this.#source.read(range, into);
    this.#count(bytes.length);
    return bytes;
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer> {
    for await (const chunk of this.#source.stream(range)) {
      this.#count(chunk.length);
      yield chunk;
    }
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  [Symbol.dispose](): void {
    this.#progress?.[Symbol.dispose]();
  }

  #count(bytes: number): void {
    this.#context.signal.throwIfAborted();
    this.#readBytes += bytes;
    if (this.#progress !== undefined) this.#progress.advance(bytes);
    else if (this.#readBytes >= SHOWN_FROM_BYTES) {
      this.#progress = this.#context.output.progress('Reading', this.sizeBytes);
      this.#progress.advance(this.#readBytes);
    }
  }
}
