import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recall } from '../../../cli/agent/recall.ts';
import { groupByPod } from '../../../core/checkpoint/pod-groups.ts';
import { shipContainers } from '../../../core/checkpoint/ship-containers.ts';
import { archiveKey } from '../../../core/keys.ts';
import type { ObjectLocation } from '../../../core/ports.ts';
import { push } from '../../../core/push.ts';
import { sampleContainer } from '../../checkpoint-samples/container.ts';
import { digestsOf, type SampleFile, sampleFile } from '../../checkpoint-samples/found.ts';
import { MemoryArchiveStore } from '../../memory/archive-store.ts';

const ORIGIN = { cluster: 'prod', node: 'node-1' };
const BUCKET = 'archives';

/** Counts what is looked into. */
class CountedStore extends MemoryArchiveStore {
  readonly opened: string[] = [];

  override async open(location: ObjectLocation) {
    this.opened.push(location.key);
    return await super.open(location);
  }
}

const checkpoint = (day: number, container = 'web') =>
  sampleFile(sampleContainer({ container, checkpointedAt: `2026-11-${day}T13:40:00Z`, seed: day, pagesBytes: 4096 }));

async function ship(store: MemoryArchiveStore, files: readonly SampleFile[], node = ORIGIN.node) {
  const [group] = groupByPod(files).pods;
  const shipment = await shipContainers(group!, await digestsOf(files), 'tar');
  const { location } = await push(shipment, { store, bucket: BUCKET, origin: { ...ORIGIN, node } });
  return { sandboxId: group!.sandboxId, location };
}

async function wanted(files: readonly SampleFile[]) {
  const digests = await digestsOf(files);
  return files.map(({ fileName }) => ({ fileName, digest: digests.get(fileName)! }));
}

function ask(store: MemoryArchiveStore, sandboxId: string, files: Awaited<ReturnType<typeof wanted>>) {
  const { signal } = new AbortController();
  return recall(sandboxId, files, { keys: store, store, bucket: BUCKET, origin: ORIGIN, signal });
}

test('what this node has shipped is found in S3, however it went together, and nothing else is', async () => {
  const store = new CountedStore([BUCKET]);
  const [web, sidecar, later, never] = await Promise.all([
    checkpoint(20),
    checkpoint(20, 'sidecar'),
    checkpoint(21),
    checkpoint(22),
  ]);
  const { sandboxId, location } = await ship(store, [web, sidecar]);
  const second = await ship(store, [later]);
  await ship(store, [never], 'node-2');
  const files = await wanted([web, sidecar, later, never]);
  const changed = { ...files[2]!, digest: files[0]!.digest };
  const found = await ask(store, sandboxId, [...files, changed]);
  assert.deepEqual(
    [...found].map(([file, { location: at }]) => [file, at.key]),
    [
      [files[2], second.location.key],
      [files[0], location.key],
      [files[1], location.key],
    ],
  );
  for (const { location: at, objectBytes } of found.values()) {
    assert.equal(objectBytes, (await store.open(at)).sizeBytes);
  }
  assert.equal((await ask(store, 'another', files)).size, 0);
});

test('the newest objects are looked into first, and no more than it takes', async () => {
  const store = new CountedStore([BUCKET]);
  const files = await Promise.all([10, 11, 12, 13].map((day) => checkpoint(day)));
  const shipped = [];
  for (const file of files) shipped.push(await ship(store, [file]));
  store.opened.length = 0;
  await ask(store, shipped[0]!.sandboxId, await wanted([files[3]!, files[2]!]));
  assert.deepEqual(store.opened, [shipped[3]!.location.key, shipped[2]!.location.key]);
});

test('an object that is no archive is passed over', async () => {
  const store = new CountedStore([BUCKET]);
  const web = await checkpoint(20);
  const { sandboxId } = await ship(store, [web]);
  const checkpointedAt = new Date('2026-11-23T00:00:00Z');
  const key = archiveKey({ ...ORIGIN, pods: sandboxId, checkpointedAt, format: 'tar' });
  store.overwrite({ bucket: BUCKET, key }, Buffer.from('no archive'));
  assert.equal((await ask(store, sandboxId, await wanted([web]))).size, 1);
});
