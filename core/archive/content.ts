/** A member's content on its way: it can be left half-read and finished later, and counts what came. */
export class Content {
  sizeBytes = 0;
  readonly #chunks: AsyncIterator<Buffer>;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Leaving this early leaves the rest for `finish`. */
  async *read(): AsyncGenerator<Buffer> {
    for (let chunk = await this.#next(); chunk; chunk = await this.#next()) yield chunk;
  }

  /** Reads what is left, so that it is checked too. */
  async finish(): Promise<void> {
    while (await this.#next());
  }

  /** Releases what the rest would need. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<Buffer | undefined> {
    const { value, done } = await this.#chunks.next();
    if (done) return undefined;
    this.sizeBytes += value.length;
    return value;
  }
}
