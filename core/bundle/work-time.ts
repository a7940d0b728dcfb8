import type { BundleProgress } from './request.ts';

/** Whoever waits hears of progress after that, and no connection is idle for as long as a NAT gateway bears (350 s). */
const ANSWER_AFTER_MS = 120_000;
/** Left for copies that are under way when copying pauses: 5 GiB take 75 s. */
const COPIES_END_MS = 150_000;
/** Left for taking back what was begun. */
const CLEAN_UP_MS = 20_000;
/** Never less, so that each call gets something done. */
const COPYING_MS_MIN = 1_000;
const COPYING_MS_MAX = 15 * 60_000;

/** How one call divides the time it has. */
export class WorkTime {
  readonly #remainingMs: () => number;
  readonly #atFirstMs: number;
  /** Aborts when there is just time for taking back what was begun. */
  readonly over: AbortSignal;

  /** @param remainingMs until the call must have answered */
  constructor(remainingMs: () => number) {
    this.#remainingMs = remainingMs;
    this.#atFirstMs = remainingMs();
    this.over = AbortSignal.timeout(within(0, this.#atFirstMs - CLEAN_UP_MS));
  }

  /** Whether to answer rather than to begin another piece of work that cannot be paused. */
  get isUp(): boolean {
    return this.#passedMs >= ANSWER_AFTER_MS;
  }

  /** Aborts when copying is to pause; preparing again must not become most of the work. */
  pause(): AbortSignal {
    const wanted = Math.max(ANSWER_AFTER_MS, 4 * this.#passedMs);
    return AbortSignal.timeout(within(COPYING_MS_MIN, Math.min(wanted, this.#remainingMs() - COPIES_END_MS)));
  }

  get #passedMs(): number {
    return this.#atFirstMs - this.#remainingMs();
  }
}

function within(least: number, ms: number): number {
  return Math.floor(Math.min(Math.max(ms, least), COPYING_MS_MAX));
}

/** A call has to answer before its work is done. What it did is kept, and the next call goes on from there. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
  readonly progress: BundleProgress;

  constructor(progress: BundleProgress) {
    super('The time of this call is over.');
    this.progress = progress;
  }
}
