/** How many times longer than what is asked for a buffer may be. */
const SMALL = 8;

/**
 * Memory that is used again: fresh one costs the kernel a page at a time, and stays until a garbage collection.
 */
export class BufferPool {
  readonly #usualBytes: number;
  readonly #allocate: (sizeBytes: number) => Buffer;
  readonly #free: Buffer[] = [];

  /** @param usualBytes what most buffers are long; much shorter ones are not kept */
  constructor(usualBytes: number, allocate: (sizeBytes: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#usualBytes = usualBytes;
    this.#allocate = allocate;
  }

  /** At least so long; its bytes are anything. */
  take(sizeBytes: number): Buffer {
    if (sizeBytes * SMALL < this.#usualBytes) return Buffer.allocUnsafeSlow(sizeBytes);
    const at = this.#free.findLastIndex((buffer) => buffer.length >= sizeBytes);
    if (at >= 0) return this.#free.splice(at, 1)[0]!;
    return this.#allocate(Math.max(sizeBytes, this.#usualBytes));
  }

  /** Whoever took it has finished with it. */
  give(buffer: Buffer): void {
    if (buffer.length >= this.#usualBytes) this.#free.push(buffer);
  }
}

/** Gives the memory of a buffer that nobody else has back at once. */
export function release(buffer: Buffer): void {
  // A short one may lie in memory that Node.js shares out.
  if (buffer.length > Buffer.poolSize) (buffer.buffer as ArrayBuffer).transfer(0);
}
