/** One answer of a server, beside the local clock before the question and after the answer, in ms since 1970. */
export interface ClockReading {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** Its `Date`, in whole seconds. */
  readonly serverMs: number;
}

/**
 * By how much the local clock is certainly off, in ms: positive when it is ahead of the server's. 0 when a right clock could
 * have read the same, since nobody knows when on the way the server looked at its own.
 */
export function clockSkewMs({ askedAtMs, answeredAtMs, serverMs }: ClockReading): number {
  const aheadMs = askedAtMs - (serverMs + 1000);
  const behindMs = serverMs - answeredAtMs;
  return aheadMs > 0 ? aheadMs : behindMs > 0 ? -behindMs : 0;
}
