import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parallel } from '../../aws/parallel.ts';

test('all items are worked on, at most so many at once', async () => {
  const done: number[] = [];
  let underWay = 0;
  let most = 0;
  await parallel([1, 2, 3, 4, 5, 6, 7], 3, new AbortController(), async (item) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await turn();
    underWay -= 1;
    done.push(item);
  });
  assert.deepEqual(done.sort(), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(most, 3);
});

test('an item is asked for only when a hand is free', async () => {
  let given = 0;
  let finished = 0;
  async function* items() {
    for (let i = 0; i < 20; i++) {
      assert.ok(given - finished < 4, `${given} given, ${finished} finished`);
      given += 1;
      yield i;
    }
  }
  await parallel(items(), 4, new AbortController(), async () => {
    await turn();
    finished += 1;
  });
  assert.equal(finished, 20);
});

test('the first failure is thrown when what was begun has ended, and nothing new begins', async () => {
  const failure = new Error('first');
  const abort = new AbortController();
  const ended: number[] = [];
  const begun: number[] = [];
  await assert.rejects(
    parallel([0, 1, 2, 3, 4], 2, abort, async (item) => {
      begun.push(item);
      if (item === 0) throw failure;
      await turn();
      ended.push(item);
      throw new Error('second');
    }),
    (error) => error === failure,
  );
  assert.deepEqual([begun, ended], [[0, 1], [1]]);
  assert.equal(abort.signal.reason, failure);
});

test('a failure does not wait for a stuck source', async () => {
  async function* items() {
    yield 1;
    await new Promise(() => {});
  }
  await assert.rejects(
    parallel(items(), 2, new AbortController(), async () => {
      throw new Error('work failed');
    }),
    /work failed/,
  );
});

test('a failure of the source is thrown, and the source is closed on others', async () => {
  async function* failing() {
    yield 1;
    throw new Error('source failed');
  }
  await assert.rejects(
    parallel(failing(), 2, new AbortController(), async () => {}),
    /source failed/,
  );

  let closed = false;
  async function* endless() {
    try {
      for (;;) yield 1;
    } finally {
      closed = true;
    }
  }
  await assert.rejects(
    parallel(endless(), 1, new AbortController(), async () => {
      throw new Error('work failed');
    }),
    /work failed/,
  );
  assert.equal(closed, true);
});

test('nothing begins when it is aborted already', async () => {
  const abort = new AbortController();
  abort.abort(new Error('before'));
  const work = () => assert.fail('begun');
  await assert.rejects(parallel([1], 1, abort, work), /before/);
});

test('items that are done with can be collected', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const items: WeakRef<object>[] = [];
  async function* large() {
    for (let i = 0; i < 50; i++) {
      const item = { bytes: Buffer.alloc(1024) };
      items.push(new WeakRef(item));
      yield item;
    }
  }
  let alive = 0;
  await parallel(large(), 2, new AbortController(), async () => {
    await turn();
    if (items.length < 40) return;
    collect();
    alive = Math.max(alive, items.filter((item) => item.deref() !== undefined).length);
  });
  assert.ok(alive < 10, `${alive} of 50 items are held`);
});
