import { createHash } from 'node:crypto';
import { PodfreightError } from '../errors.ts';
import type { ItemQuery, PageKey } from './item-table.ts';

/** A page's end as text for the user to give back. It goes on only with the query it came from. */
export function formatCursor(end: PageKey, query: ItemQuery): string {
  return Buffer.from(JSON.stringify([fingerprint(query), end])).toString('base64url');
}

/** @throws PodfreightError `usage` for anything but a cursor of this query */
export function parseCursor(cursor: string, query: ItemQuery): PageKey {
  try {
    const [of, end] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [unknown, unknown];
    if (of === fingerprint(query) && isPageKey(end)) return end;
  } catch {
    // No cursor of ours: the same sentence.
  }
  throw new PodfreightError('usage', 'The cursor is not one of this listing; start again without it.');
}

function isPageKey(value: unknown): value is PageKey {
  return typeof value === 'object' && value !== null && Object.values(value).every((key) => typeof key === 'string');
}

function fingerprint({ index, partition, from, to }: ItemQuery): string {
  return createHash('sha256')
    .update(JSON.stringify([index, partition, from, to]))
    .digest('hex')
    .slice(0, 16);
}
