import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { inOrder } from '../../../core/archive/in-order.ts';

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate();
}

test('results come in the order of the items, with at most the limit under way', async () => {
  let underWay = 0;
  let most = 0;
  const results: number[] = [];
  const work = async (item: number) => {
    most = Math.max(most, ++underWay);
    await turns((item * 7) % 5);
    underWay--;
    return item;
  };
  for await (const result of inOrder([...Array(30).keys()], 3, work)) results.push(result);
  assert.deepEqual(results, [...Array(30).keys()]);
  assert.equal(most, 3);
});

test('items are taken only when results are', async () => {
  let taken = 0;
  function* items() {
    for (;;) yield taken++;
  }
  const results = inOrder(items(), 4, async (item) => item);
  await results.next();
  await turns(10);
  assert.ok(taken <= 4, `${taken}`);
  await results.return(undefined);
});

test('the first failure in order is thrown, when it is its turn, and nothing is left under way', async () => {
  let finished = 0;
  const results = inOrder([1, 2, 3, 4], 4, async (item) => {
    await turns(item === 2 ? 0 : 3);
    finished++;
    if (item >= 2) throw new Error(`item ${item}`);
    return item;
  });
  assert.deepEqual(await results.next(), { value: 1, done: false });
  await assert.rejects(results.next(), /item 2/);
  assert.equal(finished, 4);
});

test('work that weighs something is bounded by its weight, of which one piece may have more', async () => {
  let underWay = 0;
  let most = 0;
  const work = async (weight: number) => {
    underWay += weight;
    most = Math.max(most, underWay === weight ? 0 : underWay); // alone, it may be as heavy as it likes
    await turns(weight % 3);
    underWay -= weight;
    return weight;
  };
  const weights = [3, 4, 2, 50, 1, 1, 1, 9, 10, 5, 5, 5, 5];
  const results = inOrder(weights, { size: 10, weigh: (weight) => weight }, work);
  assert.deepEqual(await Array.fromAsync(results), weights);
  assert.ok(most > 5 && most <= 10, `${most}`);
});
