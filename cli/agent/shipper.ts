import { isPodfreightError, type PodfreightError } from '../../core/errors.ts';
import { type BackOffLimits, backOffMs } from './back-off.ts';

/** Something to be shipped. */
export interface Job {
  /** To be read. */
  readonly bytes: number;
  /** Is called again after a failure of the line; any other failure ends it, and is its own business. */
  ship(): Promise<void>;
}

/** Bytes under way at once, unless one job has more: what bounds memory. */
const BYTES_AT_ONCE = 32 * 1024 * 1024;
const JOBS_AT_ONCE = 4;

const PAUSES: BackOffLimits = { first: 1000, most: 60_000 };

/**
 * Ships jobs in their order, small ones side by side. When the line or the service fails, all wait together, and then one
 * tries alone: hours without network are no thousand failures. One that failed goes to the end, so that nothing that S3
 * refuses again and again keeps the others from going.
 */
export class Shipper {
  readonly #queue: Job[] = [];
  readonly #running = new Map<Promise<void>, number>();
  readonly #signal: AbortSignal;
  readonly #onPause: (error: PodfreightError, pauseMs: number, failures: number) => void;
  readonly #onIdle: () => void;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: {
    readonly signal: AbortSignal;
    readonly onPause: (error: PodfreightError, pauseMs: number, failures: number) => void;
    /** Nothing is left, for now. */
    readonly onIdle: () => void;
  }) {
    this.#signal = options.signal;
    this.#onPause = options.onPause;
    this.#onIdle = options.onIdle;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#running.size === 0;
  }

  /** Failures of the line in a row. */
  get failures(): number {
    return this.#failures;
  }

  add(job: Job): void {
    this.#queue.push(job);
    this.#pump();
  }

  /** When all that is under way has ended; nothing more begins. */
  async close(): Promise<void> {
    this.#queue.length = 0;
    clearTimeout(this.#timer);
    await Promise.all(this.#running.keys());
  }

  #pump(): void {
    while (!this.#signal.aborted && this.#timer === undefined && this.#queue.length > 0 && this.#hasRoom()) {
      const job = this.#queue.shift()!;
      const run: Promise<void> = this.#run(job).finally(() => {
        this.#running.delete(run);
        this.#pump();
        if (this.isIdle) this.#onIdle();
      });
      this.#running.set(run, job.bytes);
    }
  }

  #hasRoom(): boolean {
    if (this.#running.size === 0) return true;
    if (this.#failures > 0 || this.#running.size >= JOBS_AT_ONCE) return false;
    const bytes = [...this.#running.values()].reduce((sum, some) => sum + some, 0);
    return bytes + this.#queue[0]!.bytes <= BYTES_AT_ONCE;
  }

  async #run(job: Job): Promise<void> {
    try {
      await job.ship();
      this.#failures = 0;
    } catch (error) {
      if (this.#signal.aborted || !isOfTheLine(error)) return;
      this.#queue.push(job);
      if (this.#timer !== undefined) return; // it failed together with others
      this.#failures += 1;
      const pauseMs = backOffMs(this.#failures, PAUSES);
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#pump();
      }, pauseMs);
      this.#onPause(error, pauseMs, this.#failures);
    }
  }
}

/** Whether it was the way to S3 that failed, or what we may do there, and not the file. */
export function isOfTheLine(error: unknown): error is PodfreightError {
  const codes = ['unreachable', 'service', 'no-credentials', 'access-denied', 'not-found'] as const;
  return isPodfreightError(error, ...codes) && error.subject.errno === undefined;
}
