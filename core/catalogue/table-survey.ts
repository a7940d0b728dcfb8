import type { CatalogueSurvey, KeyPage } from '../ports.ts';
import type { ReconcileRun } from '../reconcile/run.ts';
import type { Item, ItemQuery, ItemTable } from './item-table.ts';
import {
  archiveItemKey,
  archivesOfBucket,
  bundleItem,
  bundlesOfBucket,
  eventOfSortKey,
  itemsOfEvents,
  reconcileRunItem,
} from './items.ts';
import type { ArchiveRecord, BundleRecord } from './records.ts';
import { sequencerOrder } from './sequencer.ts';
import { askewIn, sweepItems } from './sweep.ts';

/** The whole catalogue on a table of items. */
export function tableSurvey(table: ItemTable): CatalogueSurvey {
  return {
    archives: (bucket, after) => pageOf<ArchiveRecord>(archivesOfBucket(bucket, after), ({ location }) => location.key),

    bundles: (bucket, after) => pageOf<BundleRecord>(bundlesOfBucket(bucket, after), ({ bundleId }) => bundleId),

    async sweep(start) {
      const { items, next } = await table.scan(start?.startAfter);
      const { askew, partition } = sweepItems(items, start?.partition);
      if (next === undefined) return { askew: [...askew, ...askewIn(partition)] };
      return { askew, next: { startAfter: next, ...(partition !== undefined && { partition }) } };
    },

    async lastSequencer(location) {
      const [archive, { items }] = await Promise.all([
        table.get(archiveItemKey(location)),
        table.query({ ...itemsOfEvents(location), limit: 1 }),
      ]);
      const recorded = archive && sequencerOrder((archive.record as ArchiveRecord).sequencer);
      return [recorded, eventOfSortKey(items[0]?.sk ?? '')]
        .filter((order) => order !== undefined)
        .sort()
        .at(-1);
    },

    forgetBundle: (bundle) => {
      const { pk, sk, order } = bundleItem(bundle);
      return table.remove({ pk, sk }, { order: order! });
    },

    async run(archivesBucket) {
      const { pk, sk } = reconcileRunItem({ archivesBucket });
      return (await table.get({ pk, sk }))?.record as ReconcileRun | undefined;
    },

    async saveRun(run) {
      await table.put(reconcileRunItem(run));
    },
  };

  async function pageOf<T>(query: ItemQuery, keyOf: (record: T) => string): Promise<KeyPage<T>> {
    const { items, next } = await table.query(query);
    const records = items.map(({ record }: Item) => record as T);
    const last = records.at(-1);
    return { items: records, ...(next !== undefined && last !== undefined && { next: keyOf(last) }) };
  }
}
