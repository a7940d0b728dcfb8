import type { RequestRecord } from './exchange.ts';

/**
 * Without GETs of which only the rest of the range was asked for again, because the answer was slow: how many of those there
 * are tells of the machine, not of who asks.
 */
export function withoutRepeats(records: readonly RequestRecord[]): RequestRecord[] {
  const asked = new Set<string>();
  return records.filter(({ operation, bucket, key, accessKeyId, range }) => {
    const end = /^bytes=\d+-(\d+)$/.exec(range ?? '')?.[1];
    if (operation !== 'GetObject' || end === undefined) return true;
    const whose = JSON.stringify([accessKeyId, bucket, key, end]);
    if (asked.has(whose)) return false;
    asked.add(whose);
    return true;
  });
}
