import { setTimeout as delay } from 'node:timers/promises';

const ATTEMPTS = 5;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

/** What the SDK's own retries do not cover: bodies that break off, and throttling that lasts. */
export async function retrying<Result>(
  work: () => Promise<Result>,
  isTransient: (error: unknown) => boolean,
  signal?: AbortSignal,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || signal?.aborted || !isTransient(error)) throw error;
      await backOff(attempt, signal);
    }
  }
}

/** Waits longer each time, by chance, so that many do not come back at once. */
export async function backOff(attempt: number, signal?: AbortSignal): Promise<void> {
  const longest = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS);
  await delay(longest * (0.5 + Math.random() / 2), undefined, signal === undefined ? {} : { signal });
}
