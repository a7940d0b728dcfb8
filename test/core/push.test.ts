import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { PodfreightError } from '../../core/errors.ts';
import type { ArchiveStore } from '../../core/ports.ts';
import { type PushOptions, push } from '../../core/push.ts';
import { pushAll } from '../../core/push-all.ts';
import { type Shipment, shipPods } from '../../core/shipment.ts';
import { manifest, pod } from '../cli/pods.ts';
import { MemoryArchiveStore } from '../memory/archive-store.ts';

const MiB = 1024 ** 2;

function shipment(sandboxId: string, content: Buffer = Buffer.from(sandboxId)): Shipment {
  async function* read() {
    yield content;
  }
  const file = { sandboxId, sizeBytes: content.length, modifiedAt: new Date('2026-11-22T13:20:00Z'), read };
  return shipPods(manifest(pod(sandboxId)), [file], 'tar');
}

/** A store of which `put` can be made to do something first. */
class TestStore extends MemoryArchiveStore {
  onPut: () => Promise<void> = async () => {};

  override async put(...args: Parameters<ArchiveStore['put']>) {
    await this.onPut();
    return await super.put(...args);
  }
}

function setUp() {
  const store = new TestStore(['archives']);
  const options: PushOptions = { store, bucket: 'archives', origin: { cluster: 'c', node: 'n' } };
  return { store, options };
}

const busy = () => new PodfreightError('busy', 'Somebody else is storing it at the same time; try again.');

test('a push that another one got in the way of is made again, and finds what that one stored', async () => {
  const { store, options } = setUp();
  let tries = 0;
  store.onPut = async () => {
    tries += 1;
    if (tries === 1) throw busy();
  };
  assert.equal((await push(shipment('a'), options)).stored, true);
  assert.equal(tries, 2);

  store.onPut = async () => {
    store.onPut = async () => {};
    await push(shipment('b'), options);
    throw busy();
  };
  assert.equal((await push(shipment('b'), options)).stored, false);
});

test('a push that others always get in the way of fails', async () => {
  const { store, options } = setUp();
  let tries = 0;
  store.onPut = async () => {
    tries += 1;
    throw busy();
  };
  await assert.rejects(push(shipment('a'), options), { code: 'busy' });
  assert.equal(tries, 3);
});

/** Pushes pods of these sizes. */
async function pushSizes(sizesBytes: readonly number[]) {
  const { store, options } = setUp();
  let underWay = 0;
  let most = 0;
  store.onPut = async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    for (let i = 0; i < 10; i++) await turn();
    underWay -= 1;
  };
  const shipments = sizesBytes.map((size, i) => shipment(`pod-${i}`, Buffer.alloc(size)));
  const results = await Array.fromAsync(pushAll(shipments, options));
  assert.deepEqual(
    results.map(({ sandboxIds }) => sandboxIds[0]),
    sizesBytes.map((_, i) => `pod-${i}`),
  );
  assert.ok(results.every(({ stored }) => stored));
  return most;
}

test('small pods are pushed side by side', async () => {
  const most = await pushSizes(Array.from({ length: 30 }, () => 1000));
  assert.ok(most > 4 && most <= 8, `${most} at once`);
});

test('large pods are pushed one after the other', async () => {
  assert.equal(await pushSizes([33 * MiB, 33 * MiB, 33 * MiB]), 1);
});

test('none begins when it is interrupted', async () => {
  const { store, options } = setUp();
  store.onPut = async () => assert.fail('begun');
  const reason = new Error('stop');
  const pushing = Array.fromAsync(pushAll([shipment('a')], { ...options, signal: AbortSignal.abort(reason) }));
  await assert.rejects(pushing, (error) => error === reason);
});
