import { setTimeout as sleep } from 'node:timers/promises';
import type { ArchiveStore } from '../../core/ports.ts';

/** What may be sent at once after a pause, in seconds of the rate. */
const BURST_SECONDS = 0.25;

/** A token bucket: bytes per second over all who take from it. */
export class Rate {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt = performance.now();

  constructor(bytesPerSecond: number) {
    this.#perMs = bytesPerSecond / 1000;
    this.#burst = bytesPerSecond * BURST_SECONDS;
    this.#tokens = this.#burst;
  }

  /**
   * Waits until `bytes` more may go, which may be more than the bucket holds: then whoever is next waits the longer.
   * @throws the signal's reason
   */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    this.#tokens -= bytes;
    if (this.#tokens >= 0) return;
    await sleep(-this.#tokens / this.#perMs, undefined, signal && { signal }).catch(() => {});
    signal?.throwIfAborted(); // its own reason, by which an upload knows that it may be taken up again
  }
}

/** The same store, handed bodies no faster than that. */
export function atRate(store: ArchiveStore, rate: Rate): ArchiveStore {
  return {
    open: (location, options) => store.open(location, options),
    compose: (location, plan, sources, options) => store.compose(location, plan, sources, options),
    put: (location, body, options) => store.put(location, slowed(body, rate, options.signal), options),
  };
}

async function* slowed(body: AsyncIterable<Buffer>, rate: Rate, signal?: AbortSignal): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    await rate.take(chunk.length, signal);
    yield chunk;
  }
}
