import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ahead } from '../../../core/archive/ahead.ts';

test('the next item is fetched while one is worked on, and no more', async () => {
  const fetched: number[] = [];
  async function* items() {
    for (let item = 1; item <= 4; item++) {
      fetched.push(item);
      yield item;
    }
  }
  const seen: number[] = [];
  for await (const item of ahead(items())) {
    seen.push(item);
    await setImmediate();
    assert.equal(fetched.length, Math.min(item + 1, 4));
  }
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test('a failure comes in its turn', async () => {
  async function* items() {
    yield 1;
    throw new Error('no second one');
  }
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of ahead(items())) {
      await setImmediate(); // meanwhile it fails
      seen.push(item);
    }
  }, /no second one/);
  assert.deepEqual(seen, [1]);
});

test('leaving early waits for what is being fetched, and releases the rest', async () => {
  const events: string[] = [];
  async function* items() {
    try {
      for (;;) {
        await setImmediate();
        events.push('fetched');
        yield 1;
      }
    } finally {
      events.push('released');
    }
  }
  for await (const _ of ahead(items())) break;
  assert.deepEqual(events, ['fetched', 'fetched', 'released']);
});
