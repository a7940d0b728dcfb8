import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podRecords } from '../../../core/catalogue/pod-records.ts';
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

test('refuses what no table could hold', () => {
  const pods = (count: number) => Array.from({ length: count }, (_, i) => ({ sandboxId: `s${i}` }));
  assert.equal(records(...pods(5000)).length, 5000);
  assert.throws(() => records(...pods(5001)), { code: 'unsupported', message: /5001 pods/ });
  for (const long of [{ name: 'n'.repeat(513) }, { namespace: 'n'.repeat(513) }, { image: 'n'.repeat(513) }]) {
    assert.throws(() => records({ sandboxId: 'guilty', ...long }), { code: 'unsupported', message: /guilty/ });
  }
  const [container] = manifestOf([{ sandboxId: 's' }]).pods?.[0]?.containers ?? [];
  const manifest = manifestOf([{ sandboxId: 'guilty' }]);
  const pod = { ...manifest.pods![0]!, containers: Array.from({ length: 10_000 }, () => container!) };
  assert.throws(() => podRecords({ ...manifest, pods: [pod] }, undefined, OBJECT, ORIGIN), {
    code: 'unsupported',
    message: /guilty/,
  });
});
