import type { ByteSource } from '../../../core/ports.ts';
import type { ByteRange } from '../../../core/range.ts';

/** A source over bytes in memory that remembers what was asked of it. */
export class MemorySource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly reads: ByteRange[] = [];
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, name = 'test.tar') {
    this.#bytes = bytes;
    this.name = name;
    this.sizeBytes = bytes.length;
  }

  get readBytes(): number {
    return this.reads.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  async read(range: ByteRange): Promise<Buffer> {
    const { start, end } = range;
    if (!(0 <= start && start <= end && end <= this.sizeBytes)) throw new RangeError(`[${start}, ${end})`);
    if (end > start) this.reads.push(range);
    return Buffer.from(this.#bytes.subarray(start, end));
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer> {
    yield await this.read(range);
  }

  async close(): Promise<void> {}
}
