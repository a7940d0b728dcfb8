import { PodfreightError } from '../errors.ts';

/** ISO 8601 UTC in whole seconds, as in `2026-11-22T13:20:00Z`: what lies between two seconds counts as the earlier. */
export function wholeSeconds(instant: Date): string {
  return instant.toISOString().replace(/\.\d+/, '');
}

/** A date with a time and a zone: RFC 3339, whose `Z` or offset keeps machines in other zones from differing. */
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * @param what the message calls it
 * @throws PodfreightError `usage`
 */
export function parseInstant(text: string, what: string): Date {
  const instant = new Date(RFC3339.test(text) ? text : Number.NaN);
  if (Number.isNaN(instant.getTime())) {
    throw new PodfreightError('usage', `${what} ${JSON.stringify(text)} must be a time like 2026-11-22T13:20:00Z.`, {
      subject: { [what]: text },
    });
  }
  return instant;
}
