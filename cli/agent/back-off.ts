/** Milliseconds between attempts: doubled each time, and not all in step. */
export interface BackOffLimits {
  readonly first: number;
  readonly most: number;
}

/** @param failures so far, at least 1 */
export function backOffMs(failures: number, { first, most }: BackOffLimits, random: number = Math.random()): number {
  const full = Math.min(first * 2 ** Math.min(failures - 1, 30), most);
  return full * (0.75 + random / 4);
}
