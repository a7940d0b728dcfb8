import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shipper } from '../../../cli/agent/shipper.ts';
import { PodfreightError } from '../../../core/errors.ts';

const MiB = 2 ** 20;

function shipper(signal = new AbortController().signal) {
  const pauses: number[] = [];
  const idle = Promise.withResolvers<void>();
  const onPause = (_: unknown, pauseMs: number) => void pauses.push(pauseMs);
  return { pauses, idle: idle.promise, shipper: new Shipper({ signal, onPause, onIdle: () => idle.resolve() }) };
}

test('small jobs run side by side, a large one by itself', async () => {
  const { shipper: one, idle } = shipper();
  let running = 0;
  const most: number[] = [];
  const job = (bytes: number) => ({
    bytes,
    ship: async () => {
      running += 1;
      await new Promise(setImmediate);
      most.push(running);
      running -= 1;
    },
  });
  for (const bytes of [1, 1, 1, 1, 1, 100 * MiB, 1]) one.add(job(bytes));
  await idle;
  assert.equal(most.length, 7);
  assert.ok(Math.max(...most) > 1 && Math.max(...most) <= 4);
});

test('when the line fails all wait, then one tries, then all go on; none is lost or done twice', async () => {
  const { shipper: one, pauses, idle } = shipper();
  const done: number[] = [];
  let fails = 5;
  for (let i = 0; i < 20; i++) {
    one.add({
      bytes: 1,
      ship: async () => {
        await new Promise(setImmediate);
        if (fails > 0) {
          fails -= 1;
          throw new PodfreightError('unreachable', 'nobody answers');
        }
        done.push(i);
      },
    });
  }
  await idle;
  assert.deepEqual(
    done.sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i),
  );
  assert.ok(pauses.length >= 2 && pauses[1]! > pauses[0]!, String(pauses));
  assert.equal(one.failures, 0);
});

test('one that fails again and again does not keep the others', async () => {
  const { shipper: one, pauses, idle } = shipper();
  const done: string[] = [];
  let fails = 2;
  const ship = async () => {
    if (fails === 0) return void done.push('late');
    fails -= 1;
    throw new PodfreightError('access-denied', 'this key is not yours');
  };
  one.add({ bytes: 100 * MiB, ship });
  for (const name of ['a', 'b']) one.add({ bytes: 100 * MiB, ship: async () => void done.push(name) });
  await idle;
  assert.deepEqual(done, ['a', 'b', 'late']);
  assert.equal(pauses.length, 2);
});

test('a failure of the file system is no failure of the line', async () => {
  const { shipper: one, pauses, idle } = shipper();
  one.add({
    bytes: 1,
    ship: async () => {
      throw new PodfreightError('access-denied', 'no', { subject: { errno: 'EACCES' } });
    },
  });
  await idle;
  assert.deepEqual([pauses, one.isIdle], [[], true]);
});
