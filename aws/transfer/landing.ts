/**
 * Where the body of a good answer goes, straight from the socket, instead of through a stream. It is filled from its
 * beginning; what has come stays valid when the rest does not.
 */
export class Landing {
  readonly bytes: Buffer;
  readonly #onBytes: (count: number) => void;
  #received = 0;

  /** @param onBytes is told of every arrival */
  constructor(bytes: Buffer, onBytes: (count: number) => void = () => {}) {
    this.bytes = bytes;
    this.#onBytes = onBytes;
  }

  get received(): number {
    return this.#received;
  }

  get isFull(): boolean {
    return this.#received === this.bytes.length;
  }

  /** Where the next bytes belong; empty when all have come. */
  get space(): Buffer {
    return this.bytes.subarray(this.#received);
  }

  /** So many bytes of `space` were filled. */
  advance(count: number): void {
    this.#received += count;
    this.#onBytes(count);
  }
}

/**
 * An answer that landed in part: it ended or fell silent before its last byte. The SDK must not take it for a failure
 * that it repeats from the beginning, so it carries neither a code nor a cause.
 */
export class BrokenBody extends Error {
  override readonly name = 'BrokenBody';
  /** It fell silent, as one does that has too much to do. */
  readonly isSilent: boolean;

  constructor(cause: Error) {
    super(cause.message);
    this.isSilent = cause.name === 'TimeoutError';
  }
}
