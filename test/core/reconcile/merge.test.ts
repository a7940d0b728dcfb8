import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareKeys, merge, type Pair, turnPages } from '../../../core/reconcile/merge.ts';

const keys = fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 3 }), { maxLength: 30 });

/** Of these keys, in pages of `size`. */
function pages(all: readonly string[], size: number) {
  const sorted = all.toSorted(compareKeys);
  return async (after: string | undefined) => {
    const rest = sorted.filter((key) => after === undefined || compareKeys(key, after) > 0);
    const items = rest.slice(0, size);
    return { items, ...(rest.length > size && { next: items.at(-1)! }) };
  };
}

test('two listings in pages make pairs of all their keys, each once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(keys, keys, fc.integer({ min: 1, max: 7 }), async (lefts, rights, size) => {
      const found: Pair<string, string>[] = [];
      const same = (key: string) => key;
      const [left, right] = [turnPages(pages(lefts, size), undefined), turnPages(pages(rights, size + 1), undefined)];
      for await (const pair of merge(left, same, right, same)) found.push(pair);
      const expected = [...new Set([...lefts, ...rights])].toSorted(compareKeys).map((key) => ({
        key,
        ...(lefts.includes(key) && { left: key }),
        ...(rights.includes(key) && { right: key }),
      }));
      assert.deepEqual(found, expected);
    }),
  );
});
