import type { ObjectLocation } from '../ports.ts';
import { isBelievable } from './checkpoint-time.ts';
import type { PageKey, ScannedItem } from './item-table.ts';
import { eventOfSortKey, isPodSortKey, locationOfPartition } from './items.ts';

/** What has been seen of one partition: as much as tells whether its items belong together. */
interface Partition {
  readonly pk: string;
  /** Of the archive's item, when there is one. */
  readonly order?: string;
  readonly state?: string;
  readonly podCount?: number;
  readonly isListed?: boolean;
  /** Of the archive's own event. */
  readonly pods: number;
  /** Of any other, or recorded as no pod is any more. */
  readonly strays: number;
}

/** Between two pages of a sweep: how far it is, and the partition it is in. */
export interface SweepPosition {
  readonly startAfter: PageKey;
  readonly partition?: Partition;
}

/**
 * Goes through items of a scan, where those of one partition follow each other with the archive's own first.
 * @param partition that the items before ended in
 * @returns the objects whose items do not belong together, and the partition that these end in
 */
export function sweepItems(
  items: readonly ScannedItem[],
  partition?: Partition,
): { readonly askew: readonly ObjectLocation[]; readonly partition?: Partition } {
  const askew: ObjectLocation[] = [];
  let current = partition;
  for (const item of items) {
    if (item.pk !== current?.pk) {
      askew.push(...askewIn(current));
      current = { pk: item.pk, pods: 0, strays: 0 };
    }
    current = withItem(current, item);
  }
  return { askew, ...(current !== undefined && { partition: current }) };
}

/** Its object, when the partition is whole and askew. */
export function askewIn(partition: Partition | undefined): ObjectLocation[] {
  const location = partition && locationOfPartition(partition.pk);
  if (partition === undefined || location === undefined) return [];
  const { state, podCount = 0, isListed, pods, strays } = partition;
  const expectedPods = state === 'ready' ? podCount : 0;
  const isHidden = state !== undefined && state !== 'deleted' && !isListed;
  return strays > 0 || pods !== expectedPods || isHidden ? [location] : [];
}

function withItem(partition: Partition, { sk, order, bucket, record }: ScannedItem): Partition {
  if (sk === 'ARCHIVE') {
    const { state, podCount } = record ?? {};
    return {
      ...partition,
      ...(order !== undefined && { order }),
      ...(state !== undefined && { state }),
      ...(podCount !== undefined && { podCount }),
      isListed: bucket !== undefined,
    };
  }
  const event = eventOfSortKey(sk);
  if (event === undefined) return partition;
  const { checkpointedAt, storedAt } = record ?? {};
  // Recorded when an archive was still taken at its word about its time.
  const isAhead = checkpointedAt && storedAt && !isBelievable(new Date(checkpointedAt), new Date(storedAt));
  if (event !== partition.order || partition.state !== 'ready' || isAhead) {
    return { ...partition, strays: partition.strays + 1 };
  }
  return isPodSortKey(sk) ? { ...partition, pods: partition.pods + 1 } : partition;
}
