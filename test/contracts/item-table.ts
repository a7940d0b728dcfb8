import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Item, ItemTable, PageKey, ScannedItem } from '../../core/catalogue/item-table.ts';

let partitions = 0;

function newItem(fields: Partial<Item> = {}): Item {
  partitions += 1;
  return { pk: `P#${partitions}`, sk: 'S', record: {}, ...fields };
}

/** What every {@link ItemTable} does beyond what the catalogue's contract shows. `open` is called once. */
export function itemTableContract(name: string, open: () => Promise<ItemTable> | ItemTable): void {
  describe(`item table: ${name}`, () => {
    let table: ItemTable;
    before(async () => {
      table = await open();
    });

    it('puts an item only in the place of the one that was read', async () => {
      const item = newItem({ order: '1' });
      assert.equal(await table.put(item, { order: '0' }), false, 'there is none');
      assert.equal(await table.put(item, { order: undefined }), true);
      assert.equal(await table.put({ ...item, order: '2' }, { order: undefined }), false, 'there is one');
      assert.equal(await table.put({ ...item, order: '2' }, { order: '1' }), true);
      assert.equal(await table.put({ ...item, order: '3' }, { order: '1' }), false, 'it changed');
      assert.equal((await table.get(item))?.order, '2');
    });

    it('removes an item only as it was read', async () => {
      const item = newItem({ order: '1' });
      await table.put(item);
      assert.equal(await table.remove(item, { order: '2' }), false);
      assert.ok(await table.get(item));
      assert.equal(await table.remove(item, { order: '1' }), true);
      assert.equal(await table.get(item), undefined);
      assert.equal(await table.remove(item), true);
    });

    it('scans all there is, the items of a partition together and in order', async () => {
      const large = 'x'.repeat(50_000);
      const wanted: ScannedItem[] = [];
      for (let i = 0; i < 25; i++) {
        const { pk } = newItem();
        for (const sk of ['B', 'A', 'C']) {
          const record = { state: 'ready', podCount: i, large };
          await table.put({ pk, sk, order: `${i}`, bucket: 'b', record });
          wanted.push({ pk, sk, order: `${i}`, bucket: 'b', record: { state: 'ready', podCount: i } });
        }
      }
      const found: ScannedItem[] = [];
      let next: PageKey | undefined;
      let pages = 0;
      do {
        const page = await table.scan(next);
        found.push(...page.items);
        next = page.next;
        pages += 1;
      } while (next !== undefined);
      assert.ok(pages > 1, 'more than one page');
      const ours = found.filter(({ pk }) => wanted.some((item) => item.pk === pk));
      const key = ({ pk, sk }: ScannedItem) => `${pk} ${sk}`;
      assert.deepEqual(
        ours.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)),
        wanted.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)),
      );
      for (let i = 0; i < ours.length; i += 3) {
        const three = ours.slice(i, i + 3);
        assert.deepEqual(
          three.map(({ sk }) => sk),
          ['A', 'B', 'C'],
        );
        assert.equal(new Set(three.map(({ pk }) => pk)).size, 1);
      }
    });
  });
}
