import type { CATALOGUE_TABLE, IndexName } from './table.ts';

/** Where an item lies. */
export interface ItemKey {
  readonly [CATALOGUE_TABLE.partitionKey]: string;
  readonly [CATALOGUE_TABLE.sortKey]: string;
}

/** `record` is what the catalogue was given; everything else is there to find and order it. */
export interface Item<R = unknown> extends ItemKey, Partial<Readonly<Record<IndexName, string>>> {
  readonly listedAt?: string;
  /** What a conditional put compares. */
  readonly order?: string;
  /** What a conditional put wants unchanged. */
  readonly identity?: string;
  readonly record: R;
}

/** Where a page ended, as the table says it: given back as it is, it makes the next one start there. */
export type PageKey = Readonly<Record<string, string>>;

export interface ItemQuery {
  /** Absent: the table itself, strongly consistent. */
  readonly index?: IndexName;
  /** Of the partition key. */
  readonly partition: string;
  /** Of the sort key, both inclusive. */
  readonly from: string;
  readonly to: string;
  readonly descending?: boolean;
  /** Absent: as many as the table likes. */
  readonly limit?: number;
  readonly startAfter?: PageKey;
}

/**
 * What must be so for a write to be done. `not-older`: there is none yet, or one of the same `identity` whose `order` is the
 * same or before. `{ order }`: the item that is there has this `order`; undefined: there is none.
 */
export type WriteCondition = 'not-older' | { readonly order: string | undefined };

/** An item without what only its reader needs; of its record two fields. */
export interface ScannedItem extends ItemKey {
  readonly order?: string;
  readonly bucket?: string;
  readonly record?: {
    readonly state?: string;
    readonly podCount?: number;
    readonly checkpointedAt?: string;
    readonly storedAt?: string;
  };
}

/**
 * A table of items with the keys and indexes of `CATALOGUE_TABLE`. Each write of an item is done or not done; of several, any
 * may be done when a call ends in an error.
 * All throw PodfreightError `not-found` (no such table), `access-denied`, `no-credentials`, `unreachable`, `service`.
 */
export interface ItemTable {
  /** Strongly consistent. */
  get(key: ItemKey): Promise<Item | undefined>;
  /**
   * Replaces the whole item.
   * @returns false when the condition refused it
   */
  put(item: Item, condition?: WriteCondition): Promise<boolean>;
  /** Replaces each item, in any order; no two have the same key. */
  putAll(items: readonly Item[]): Promise<void>;
  /** In any order; one that is not there is no error, and no two are the same. */
  removeAll(keys: readonly ItemKey[]): Promise<void>;
  /**
   * One that is not there is no error.
   * @returns false when the condition refused it
   */
  remove(key: ItemKey, condition?: { readonly order: string }): Promise<boolean>;
  /**
   * By sort key, in byte order. `next` is there when more may follow, even if nothing does.
   * @throws PodfreightError `usage` when `startAfter` does not lie within the query
   */
  query(query: ItemQuery): Promise<{ readonly items: readonly Item[]; readonly next?: PageKey }>;
  /** All there is, in no order but that the items of a partition follow each other by sort key. May lag behind writes. */
  scan(startAfter?: PageKey): Promise<{ readonly items: readonly ScannedItem[]; readonly next?: PageKey }>;
}
