/** Bytes that come as chunks of any size, taken in pieces of wanted sizes. A chunk need be good only until the next is asked for. */
export class ChunkReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `bytes` bytes without taking them, or fewer when that is all there is. */
  async peek(bytes: number): Promise<Buffer> {
    while (this.#rest.length < bytes) {
      const rest = Buffer.from(this.#rest); // its memory may be used again for what comes
      const { value, done } = await this.#chunks.next();
      if (done) {
        this.#rest = rest;
        break;
      }
      this.#rest = rest.length === 0 ? value : Buffer.concat([rest, value]);
    }
    return this.#rest.subarray(0, bytes);
  }

  /** The next `bytes` bytes, or fewer at the end. */
  async take(bytes: number): Promise<Buffer> {
    const taken = await this.peek(bytes);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  /** The next `bytes` bytes as they come; fewer at the end. Leaving early leaves what was not given. */
  async *pieces(bytes: number): AsyncGenerator<Buffer> {
    for (let missing = bytes; missing > 0; ) {
      if ((await this.peek(1)).length === 0) return;
      const piece = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(piece.length);
      missing -= piece.length;
      yield piece;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
