import { setTimeout as sleep } from 'node:timers/promises';

/** Lets a loop sleep until its time has come, or something happens. */
export class Wake {
  #happened = false;
  #wakeUp: (() => void) | undefined;

  /** Something happened: whoever sleeps wakes up, and the next sleep ends at once. */
  now(): void {
    this.#happened = true;
    this.#wakeUp?.();
  }

  /** Sleeps for `atLeastMs`, and then until {@link now} or up to `atMostMs` in all. Aborting ends it. */
  async sleep(atLeastMs: number, atMostMs: number, signal: AbortSignal): Promise<void> {
    const ended = () => {};
    await sleep(Math.min(atLeastMs, atMostMs), undefined, { signal }).catch(ended);
    if (!this.#happened && !signal.aborted && atMostMs > atLeastMs) {
      const woken = new AbortController();
      this.#wakeUp = () => woken.abort();
      const either = AbortSignal.any([signal, woken.signal]);
      await sleep(atMostMs - atLeastMs, undefined, { signal: either }).catch(ended);
      this.#wakeUp = undefined;
    }
    this.#happened = false;
  }
}
