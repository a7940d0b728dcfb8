import { inOrder } from '../archive/in-order.ts';
import { PodfreightError } from '../errors.ts';
import type { Catalogue } from '../ports.ts';
import { formatCursor, parseCursor } from './cursor.ts';
import { parseInstant } from './instant.ts';
import type { Item, ItemQuery, ItemTable } from './item-table.ts';
import {
  archiveItem,
  archiveItemKey,
  bundleItem,
  bundleItemKey,
  bundlesListing,
  deletedListing,
  itemsOfEvent,
  itemsUpToEvent,
  podItems,
  podsListing,
  podsOfEvent,
  rejectedListing,
} from './items.ts';
import type { ArchiveRecord, BundleRecord, Page, PageRequest, PodRecord } from './records.ts';
import { compareSequencers } from './sequencer.ts';

/** Few, since many archives are catalogued at a time, and many items go in each. */
const WRITES_AT_ONCE = 4;
/** Of one call: as many as DynamoDB writes in one request. */
const WRITE_ITEMS = 25;
const PAGE_ITEMS_MAX = 1000;

/**
 * The catalogue on a table of items, without transactions: each write leaves a state that is true, and doing all of them
 * again ends the same, whatever was recorded in between (docs/catalogue.md, "Order and crashes").
 */
export function tableCatalogue(table: ItemTable): Catalogue {
  return {
    async record(archive, pods) {
      const { location, sequencer } = archive;
      const items = pods.flatMap((pod) => podItems(pod, sequencer));
      // Looked at first only so that a late event does not show its pods for a moment; what decides is the last write.
      const isNewest = !(await isOvertaken(archive)) && (await write(archiveItem(archive), items));
      if (isNewest) await removeAll(itemsUpToEvent(location, sequencer), items);
      else await removeAll(itemsOfEvent(location, sequencer), []);
      return isNewest;
    },

    async archive(location) {
      const item = await table.get(archiveItemKey(location));
      return item?.record as ArchiveRecord | undefined;
    },

    async podsOf(location, request) {
      const archive = await this.archive(location);
      if (archive === undefined) return { items: [] };
      const { since, until } = span(request);
      const page = await readPage<PodRecord>(podsOfEvent(location, archive.sequencer), request);
      const items = page.items.filter(({ checkpointedAt }) => {
        const instant = new Date(checkpointedAt);
        return (since === undefined || instant >= since) && (until === undefined || instant <= until);
      });
      return { ...page, items };
    },

    rejected: async (request) => readPage<ArchiveRecord>(rejectedListing(span(request)), request),

    deleted: async (request) => readPage<ArchiveRecord>(deletedListing(span(request)), request),

    pods: async (query, request) => readPage<PodRecord>(podsListing(query, span(request)), request),

    async recordBundle(bundle) {
      const item = bundleItem(bundle);
      if (await table.put(item, 'not-older')) return;
      const there = await table.get(bundleItemKey(bundle.bundleId, bundle.location.region));
      if (there?.identity === item.identity) return;
      throw new PodfreightError(
        'conflict',
        `Bundle ${bundle.bundleId} is catalogued as ${there?.identity}, not ${item.identity}.`,
        { subject: { bundleId: bundle.bundleId } },
      );
    },

    async bundle(bundleId, region) {
      const item = await table.get(bundleItemKey(bundleId, region));
      return item?.record as BundleRecord | undefined;
    },

    bundles: async (request) => readPage<BundleRecord>(bundlesListing(span(request)), request),
  };

  async function isOvertaken({ location, sequencer }: ArchiveRecord): Promise<boolean> {
    const item = await table.get(archiveItemKey(location));
    return item !== undefined && compareSequencers((item.record as ArchiveRecord).sequencer, sequencer) > 0;
  }

  /** The archive's own item last: when it says READY, its pods are there. */
  async function write(archive: Item, items: readonly Item[]): Promise<boolean> {
    for await (const _ of inOrder(batches(items), WRITES_AT_ONCE, (batch) => table.putAll(batch)));
    return table.put(archive, 'not-older');
  }

  async function removeAll(query: ItemQuery, except: readonly Item[]): Promise<void> {
    const kept = new Set(except.map(({ sk }) => sk));
    for await (const items of pagesOf(query)) {
      const gone = items.filter(({ sk }) => !kept.has(sk)).map(({ pk, sk }) => ({ pk, sk }));
      for await (const _ of inOrder(batches(gone), WRITES_AT_ONCE, (batch) => table.removeAll(batch)));
    }
  }

  async function* pagesOf(query: ItemQuery): AsyncGenerator<readonly Item[]> {
    let page = await table.query(query);
    yield page.items;
    while (page.next !== undefined) {
      page = await table.query({ ...query, startAfter: page.next });
      yield page.items;
    }
  }

  async function readPage<Record>(query: ItemQuery, { limit, cursor }: PageRequest): Promise<Page<Record>> {
    if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_ITEMS_MAX) {
      throw new PodfreightError('usage', `A page has 1 to ${PAGE_ITEMS_MAX} entries, not ${limit}.`);
    }
    if (query.from > query.to) return { items: [] };
    const { items, next } = await table.query({
      ...query,
      limit,
      ...(cursor !== undefined && { startAfter: parseCursor(cursor, query) }),
    });
    return {
      items: items.map(({ record }) => record as Record),
      ...(next !== undefined && { cursor: formatCursor(next, query) }),
    };
  }
}

function* batches<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += WRITE_ITEMS) yield all.slice(start, start + WRITE_ITEMS);
}

function span({ since, until }: PageRequest): { since: Date | undefined; until: Date | undefined } {
  return {
    since: since === undefined ? undefined : parseInstant(since, 'since'),
    until: until === undefined ? undefined : parseInstant(until, 'until'),
  };
}
