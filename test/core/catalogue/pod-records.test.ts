import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podItems } from '../../../core/catalogue/items.ts';
import { podRecords } from '../../../core/catalogue/pod-records.ts';
import { type ContainerRecord, recordsField } from '../../../core/checkpoint/container-records.ts';
import type { Manifest } from '../../../core/manifest/manifest.ts';
import { manifestOf, type TestPod } from './archives.ts';

const OBJECT = {
  location: { bucket: 'archives', key: 'k' },
  etag: '"e"',
  modifiedAt: new Date('2026-11-22T15:00:00.900Z'),
};
const ORIGIN = { cluster: 'prod', node: 'node-1' };

const records = (...pods: TestPod[]) => podRecords(manifestOf(pods), undefined, OBJECT, ORIGIN);

test("takes a member's time in whole seconds, and the object's where there is no sensible one", () => {
  const times: [string | number, string][] = [
    ['2026-11-22T13:20:00Z', '2026-11-22T13:20:00Z'],
    ['2026-11-22T13:20:00.999Z', '2026-11-22T13:20:00Z'],
    [0, '2026-11-22T15:00:00Z'],
    [-1, '2026-11-22T15:00:00Z'],
    [Date.UTC(10_000, 0), '2026-11-22T15:00:00Z'],
    [Number.NaN, '2026-11-22T15:00:00Z'],
  ];
  for (const [time, expected] of times) {
    const members = [{ name: 's.tar', sizeBytes: 1, modifiedAt: new Date(time) }];
    const [record] = podRecords(manifestOf([{ sandboxId: 's' }]), members, OBJECT, ORIGIN);
    assert.equal(record?.checkpointedAt, expected, String(time));
  }
});

test('takes no checkpoint for later than S3 had it, but for what clocks differ, and keeps what was said', () => {
  const times: [string, string, string?][] = [
    ['2026-11-22T15:00:01Z', '2026-11-22T15:00:01Z'],
    ['2026-11-22T15:01:00Z', '2026-11-22T15:01:00Z'],
    ['2026-11-22T15:01:01Z', '2026-11-22T15:00:00Z', '2026-11-22T15:01:01Z'],
    ['9999-12-30T00:00:00Z', '2026-11-22T15:00:00Z', '9999-12-30T00:00:00Z'],
  ];
  for (const [time, checkpointedAt, claimedAt] of times) {
    const members = [{ name: 's.tar', sizeBytes: 1, modifiedAt: new Date(time) }];
    const [record] = podRecords(manifestOf([{ sandboxId: 's' }]), members, OBJECT, ORIGIN);
    assert.deepEqual([record?.checkpointedAt, record?.claimedAt], [checkpointedAt, claimedAt], time);
    for (const { listedAt } of podItems(record!, '00A1')) assert.ok(listedAt?.startsWith(`${checkpointedAt}#`));
  }
});

/** A pod with containers in its manifest's list, and the archives of containers that its field names. */
function podOf(names: readonly string[], archives: readonly Partial<ContainerRecord>[]): Manifest {
  const manifest = manifestOf([{ sandboxId: 'guilty' }]);
  const [listed] = manifest.pods![0]!.containers!;
  const fields = archives.map((archive, i) => ({ ...RECORD, file: `${i}.tar`, container: `c${i}`, ...archive }));
  const pod = {
    ...manifest.pods![0]!,
    containers: names.map((name) => ({ ...listed!, name, id: `id-of-${name}` })),
    unknown: archives.length > 0 ? [recordsField(fields)] : [],
  };
  return { ...manifest, pods: [pod] };
}

const RECORD: ContainerRecord = {
  ...{ file: 'c.tar', container: 'c', containerId: '', engine: '', runtime: '', image: '', imageDigest: '' },
  ...{ createdAt: '', checkpointedAt: '', restoredAt: '', format: 'tar', sizeBytes: 512, checkpointBytes: 0 },
  ...{ rootfsDiffBytes: 0, sha256: '', unknown: [] },
};

test('tells of a container what its archive does, and leaves out what the engine did not record', () => {
  const archives = [
    { container: 'a', engine: 'podman', runtime: 'crun', checkpointBytes: 7 },
    { container: 'unlisted', containerId: 'u1', image: 'busybox' },
  ];
  const [record] = podRecords(podOf(['a', 'b'], archives), undefined, OBJECT, ORIGIN);
  const sizes = { format: 'tar', sizeBytes: 512, rootfsDiffBytes: 0 };
  assert.deepEqual(record?.containers, [
    {
      ...{ name: 'a', id: 'id-of-a', image: 'redis:7', engine: 'podman', runtime: 'crun', file: '0.tar' },
      ...{ ...sizes, checkpointBytes: 7 },
    },
    { name: 'b', id: 'id-of-b', image: 'redis:7' },
    { name: 'unlisted', id: 'u1', image: 'busybox', file: '1.tar', ...sizes, checkpointBytes: 0 },
  ]);
});

test('refuses containers that no table could hold', () => {
  const refused = (manifest: Manifest, message: RegExp) =>
    assert.throws(() => podRecords(manifest, undefined, OBJECT, ORIGIN), { code: 'unsupported', message });
  const long = 'n'.repeat(513);
  for (const archive of [{ runtime: long }, { imageDigest: long }, { engine: long }, { container: 'c', image: long }]) {
    refused(podOf([], [archive]), /guilty.*image or runtime of more than 512/);
  }
  refused(podOf(Array(10_001).fill('c'), []), /10001 containers/);
  refused(podOf([], Array(1000).fill({ image: 'n'.repeat(200) })), /guilty.*200000 bytes/);
  const twice = podOf([], [{ container: 'a' }, { container: 'a' }]);
  assert.throws(() => podRecords(twice, undefined, OBJECT, ORIGIN), { code: 'invalid-manifest' });
});

test('holds in every item less than DynamoDB does, however many containers there are', () => {
  const full = {
    ...{
      image: 'i'.repeat(255),
      imageDigest: `sha256:${'0'.repeat(64)}`,
      engine: 'containerd',
      runtime: 'r'.repeat(60),
    },
    ...{ containerId: '0'.repeat(64), sha256: '0'.repeat(64), createdAt: OBJECT.modifiedAt.toISOString() },
  };
  const [record] = podRecords(podOf([], Array(230).fill(full)), undefined, OBJECT, ORIGIN);
  const items = podItems(record!, '00A1');
  assert.equal(items.length, 1 + 230 * 4);
  const sizes = items.map((item) => JSON.stringify(item).length);
  assert.ok(sizes[0]! < 400_000, `${sizes[0]} bytes`);
  assert.ok(Math.max(...sizes.slice(1)) < 4000, 'a container’s item holds no other containers');
});

test('refuses what no table could hold', () => {
  const pods = (count: number) => Array.from({ length: count }, (_, i) => ({ sandboxId: `s${i}` }));
  assert.equal(records(...pods(5000)).length, 5000);
  assert.throws(() => records(...pods(5001)), { code: 'unsupported', message: /5001 pods/ });
  for (const long of [{ name: 'n'.repeat(513) }, { namespace: 'n'.repeat(513) }, { image: 'n'.repeat(513) }]) {
    assert.throws(() => records({ sandboxId: 'guilty', ...long }), { code: 'unsupported', message: /guilty/ });
  }
  const [container] = manifestOf([{ sandboxId: 's' }]).pods?.[0]?.containers ?? [];
  const manifest = manifestOf([{ sandboxId: 'guilty' }]);
  const pod = { ...manifest.pods![0]!, containers: Array.from({ length: 9_999 }, () => container!) };
  assert.throws(() => podRecords({ ...manifest, pods: [pod] }, undefined, OBJECT, ORIGIN), {
    code: 'unsupported',
    message: /guilty/,
  });
});
