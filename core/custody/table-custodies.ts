import { formatCursor, parseCursor } from '../catalogue/cursor.ts';
import type { ItemTable } from '../catalogue/item-table.ts';
import { custodyItem, custodyItemKey, custodyListing } from '../catalogue/items.ts';
import type { PageRequest } from '../catalogue/records.ts';
import type { Custodies } from '../ports.ts';
import type { Custody } from './custody.ts';

/** Holds and removals on a table of items: one item an archive, so that one condition decides between the two. */
export function tableCustodies(table: ItemTable): Custodies {
  return {
    async of(location) {
      return (await table.get(custodyItemKey(location)))?.record as Custody | undefined;
    },

    replace(before, after) {
      const order = before && custodyItem(before).order;
      return table.put(custodyItem(after), { order });
    },

    held: (request) => listing('HELD', request),
    removed: (request) => listing('REMOVED', request),
  };

  async function listing(what: 'HELD' | 'REMOVED', { limit, cursor, since, until }: PageRequest) {
    const span = { ...(since && { since: new Date(since) }), ...(until && { until: new Date(until) }) };
    const query = custodyListing(what, span);
    const { items, next } = await table.query({
      ...query,
      limit,
      ...(cursor !== undefined && { startAfter: parseCursor(cursor, query) }),
    });
    const custodies = items.map(({ record }) => record as Custody);
    return { items: custodies, ...(next !== undefined && { cursor: formatCursor(next, query) }) };
  }
}
