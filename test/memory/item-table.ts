import type {
  Item,
  ItemKey,
  ItemTable,
  PageKey,
  ScannedItem,
  WriteCondition,
} from '../../core/catalogue/item-table.ts';
import { CATALOGUE_TABLE } from '../../core/catalogue/table.ts';
import { PodfreightError } from '../../core/errors.ts';

const PAGE_ITEMS = 50;

/** The table without a database: what it returns and keeps are copies, as over a wire. */
export class MemoryItemTable implements ItemTable {
  readonly items = new Map<string, Item>();

  async get(key: ItemKey): Promise<Item | undefined> {
    return structuredClone(this.items.get(address(key)));
  }

  async put(item: Item, condition?: WriteCondition): Promise<boolean> {
    const there = this.items.get(address(item));
    if (typeof condition === 'object' && there?.order !== condition.order) return false;
    if (condition === 'not-older' && there !== undefined) {
      if (there.identity !== item.identity || there.order! > item.order!) return false;
    }
    this.items.set(address(item), structuredClone(item));
    return true;
  }

  async putAll(items: readonly Item[]): Promise<void> {
    for (const item of items) await this.put(item);
  }

  async removeAll(keys: readonly ItemKey[]): Promise<void> {
    for (const key of keys) this.items.delete(address(key));
  }

  async remove(key: ItemKey, condition?: { order: string }): Promise<boolean> {
    const there = this.items.get(address(key));
    if (condition !== undefined && there?.order !== condition.order) return false;
    this.items.delete(address(key));
    return true;
  }

  async query({ index, partition, from, to, descending, limit, startAfter }: Parameters<ItemTable['query']>[0]) {
    const by = CATALOGUE_TABLE.indexes.find(({ name }) => name === index)?.sortKey ?? CATALOGUE_TABLE.sortKey;
    const sortKey = (item: Item) => item[by]!;
    const place = (item: Item) => [sortKey(item), item.pk, item.sk].join('\0');
    const sign = descending ? -1 : 1;
    const found = [...this.items.values()]
      .filter((item) => (index === undefined ? item.pk : item[index]) === partition)
      .filter((item) => !isBefore(sortKey(item), from) && !isBefore(to, sortKey(item)))
      .sort((a, b) => sign * (isBefore(place(a), place(b)) ? -1 : 1));
    if (startAfter !== undefined && startAfter.partition !== partition) {
      throw new PodfreightError('usage', 'The page key is not one of this query.');
    }
    const start =
      startAfter === undefined
        ? 0
        : found.findIndex(
            (item) =>
              sign * (isBefore(place(item), startAfter.place!) ? -1 : 1) > 0 && place(item) !== startAfter.place,
          );
    const items = start < 0 ? [] : found.slice(start, start + (limit ?? PAGE_ITEMS));
    const last = items.at(-1);
    const next: PageKey | undefined =
      last !== undefined && items.length === (limit ?? PAGE_ITEMS) ? { partition, place: place(last) } : undefined;
    return { items: structuredClone(items), ...(next !== undefined && { next }) };
  }

  async scan(startAfter?: PageKey) {
    const all = [...this.items.values()].sort((a, b) => (place(a) < place(b) ? -1 : 1));
    const rest = startAfter === undefined ? all : all.filter((item) => place(item) > startAfter.place!);
    const items = rest.slice(0, PAGE_ITEMS).map(({ pk, sk, order, bucket, record }): ScannedItem => {
      const { state, podCount, checkpointedAt, storedAt } = (record ?? {}) as NonNullable<ScannedItem['record']>;
      return structuredClone({
        ...{ pk, sk },
        record: {
          ...(state && { state }),
          ...(podCount !== undefined && { podCount }),
          ...(checkpointedAt && { checkpointedAt }),
          ...(storedAt && { storedAt }),
        },
        ...(order !== undefined && { order }),
        ...(bucket !== undefined && { bucket }),
      });
    });
    const last = rest.length > PAGE_ITEMS ? rest[PAGE_ITEMS - 1] : undefined;
    return { items, ...(last !== undefined && { next: { place: place(last) } }) };
  }
}

/** In the order of their UTF-8 bytes, which is that of strings as long as there is nothing of two UTF-16 units in them. */
function isBefore(a: string, b: string): boolean {
  return /[\uD800-\uDFFF]/.test(a + b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 : a < b;
}

function place({ pk, sk }: ItemKey): string {
  return `${pk}\0${sk}`;
}

function address({ pk, sk }: ItemKey): string {
  return JSON.stringify([pk, sk]);
}
