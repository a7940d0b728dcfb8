import type { ObjectLocation } from '../ports.ts';
import type { Item, ItemKey, ItemTable } from './item-table.ts';
import { locationOfPartition } from './items.ts';

/**
 * One table of which every region has a copy, where a condition sees only its own copy's items, and of two writes to one item the
 * last one stays: an archive's items are read and written in the copy where its bucket is, so that whoever decides about it
 * meets all others. Listings and everything else are of the nearest.
 * @param copyOf where the archive's bucket is
 */
export function regionalTable(nearest: ItemTable, copyOf: (archive: ObjectLocation) => ItemTable): ItemTable {
  const copyWith = (pk: string): ItemTable => {
    const archive = locationOfPartition(pk);
    return archive === undefined ? nearest : copyOf(archive);
  };
  return {
    get: (key) => copyWith(key.pk).get(key),
    put: (item, condition) => copyWith(item.pk).put(item, condition),
    putAll: async (items) => {
      for (const [copy, its] of byCopy<Item>(items)) await copy.putAll(its);
    },
    removeAll: async (keys) => {
      for (const [copy, its] of byCopy<ItemKey>(keys)) await copy.removeAll(its);
    },
    remove: (key, condition) => copyWith(key.pk).remove(key, condition),
    query: (query) => (query.index === undefined ? copyWith(query.partition) : nearest).query(query),
    scan: (startAfter) => nearest.scan(startAfter),
  };

  function byCopy<Keyed extends ItemKey>(items: readonly Keyed[]): Map<ItemTable, Keyed[]> {
    return Map.groupBy(items, ({ pk }) => copyWith(pk));
  }
}
