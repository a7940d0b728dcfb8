import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Backlog } from '../../cli/backlog.ts';

test('goes on behind its caller, with so many pieces at once, until all have ended', async () => {
  const backlog = new Backlog(2);
  let underWay = 0;
  let most = 0;
  let ended = 0;
  for (let i = 0; i < 7; i++) {
    await backlog.add(async () => {
      most = Math.max(most, ++underWay);
      await setImmediate();
      underWay -= 1;
      ended += 1;
    });
  }
  assert.equal(most, 2);
  assert.ok(ended < 7, 'the last is still under way');
  await backlog.settled();
  assert.equal(ended, 7);
});

test('the first failure is thrown to whoever calls next, and nothing begins any more', async () => {
  const backlog = new Backlog(1);
  await backlog.add(() => Promise.reject(new Error('first')));
  let began = false;
  const next = backlog.add(async () => {
    began = true;
  });
  await assert.rejects(next, /first/);
  await assert.rejects(backlog.settled(), /first/);
  assert.ok(!began);
});
