import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTAINER_ARCHIVES, containerRecords } from '../../../core/checkpoint/container-records.ts';
import { podEntry } from '../../../core/checkpoint/pod-entry.ts';
import { groupByPod } from '../../../core/checkpoint/pod-groups.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import type { JsonValue } from '../../../core/manifest/json.ts';
import { parseJson } from '../../../core/manifest/json.ts';
import { checkManifest, formatManifest, type ManifestPod, parseManifest } from '../../../core/manifest/manifest.ts';
import { containerIdOf, imageDigestOf, sampleContainer, sandboxIdOf } from '../../checkpoint-samples/container.ts';
import { containerdArchive } from '../../checkpoint-samples/containerd.ts';
import { digestsOf, sampleFile } from '../../checkpoint-samples/found.ts';

const COUNTER = sampleContainer({ attempt: 2 });
const WEB = sampleContainer({
  container: 'web',
  image: 'registry.example/web:1',
  rootfsBytes: 0,
  createdAt: '2026-11-22T13:00:00Z',
});

async function onlyGroup(...files: Awaited<ReturnType<typeof sampleFile>>[]) {
  const { pods, loose } = groupByPod(files);
  assert.deepEqual([pods.length, loose.length], [1, 0]);
  return pods[0]!;
}

test('the entry has the fields of the first checkpointctl, and one of ours', async () => {
  const files = [await sampleFile(COUNTER), await sampleFile(WEB)];
  const digests = await digestsOf(files);
  const entry = podEntry(await onlyGroup(...files), digests);
  const manifest = { version: 0n, pods: [entry], unknown: [] };
  checkManifest(manifest);
  const written = JSON.parse(formatManifest(manifest).toString());
  const termination = {
    'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
    'io.kubernetes.container.terminationMessagePolicy': 'File',
  };
  assert.deepEqual(written.CheckpointedPods, [
    {
      'io.kubernetes.pod.uid': COUNTER.uid,
      SandboxID: sandboxIdOf(COUNTER),
      'io.kubernetes.pod.name': 'counters',
      'io.kubernetes.pod.terminationGracePeriod': 30,
      'io.kubernetes.pod.namespace': 'default',
      'kubernetes.io/config.source': 'api',
      'kubernetes.io/config.seen': '2026-11-22T13:20:00.000000000Z',
      'io.container.manager': 'cri-o',
      Containers: [
        {
          'io.kubernetes.container.name': 'counter',
          id: containerIdOf(COUNTER),
          ...termination,
          'io.kubernetes.container.restartCount': 2,
          Image: COUNTER.image,
        },
        { 'io.kubernetes.container.name': 'web', id: containerIdOf(WEB), ...termination, Image: WEB.image },
      ],
      podIP: '10.85.0.8',
      podIPs: ['10.85.0.8'],
      'podfreight.containerArchives': [
        {
          file: 'checkpoint-counters_default-counter-2026-11-22T14:31:07+01:00.tar',
          container: 'counter',
          containerId: containerIdOf(COUNTER),
          engine: 'cri-o',
          runtime: 'runc',
          image: COUNTER.image,
          imageDigest: imageDigestOf(COUNTER),
          createdAt: '2026-11-22T13:24:51.656Z',
          checkpointedAt: '2026-11-22T13:31:07.123Z',
          format: 'tar',
          sizeBytes: files[0]!.sizeBytes,
          checkpointBytes: files[0]!.container.checkpointBytes,
          rootfsDiffBytes: files[0]!.container.rootfsDiffBytes,
          sha256: digests.get(files[0]!.fileName),
        },
        {
          file: 'checkpoint-counters_default-web-2026-11-22T14:31:07+01:00.tar',
          container: 'web',
          containerId: containerIdOf(WEB),
          engine: 'cri-o',
          runtime: 'runc',
          image: WEB.image,
          imageDigest: imageDigestOf(WEB),
          createdAt: '2026-11-22T13:00:00.000Z',
          checkpointedAt: '2026-11-22T13:31:07.123Z',
          format: 'tar',
          sizeBytes: files[1]!.sizeBytes,
          checkpointBytes: files[1]!.container.checkpointBytes,
          sha256: digests.get(files[1]!.fileName),
        },
      ],
    },
  ]);
  const [read] = parseManifest(formatManifest(manifest)).pods!;
  assert.deepEqual(read, entry);
  assert.deepEqual(
    containerRecords(read!)?.map(({ container, sha256, rootfsDiffBytes }) => [container, sha256, rootfsDiffBytes]),
    [
      ['counter', digests.get(files[0]!.fileName), files[0]!.container.rootfsDiffBytes],
      ['web', digests.get(files[1]!.fileName), 0],
    ],
  );
});

test('what containerd does not record is left out', async () => {
  const file = await sampleFile(COUNTER, containerdArchive(COUNTER));
  const entry = podEntry(await onlyGroup(file));
  const { manager, podIPs, configSeen, terminationGracePeriod, containers } = entry;
  assert.deepEqual([manager, podIPs, configSeen, terminationGracePeriod], ['', [], '', 30n]);
  assert.equal(containers?.[0]?.restartCount, 2);
  assert.deepEqual(
    containerRecords(entry)?.map(({ engine, runtime, sha256 }) => [engine, runtime, sha256]),
    [['containerd', 'io.containerd.runc.v2', '']],
  );
});

test('two archives of one container have to be chosen from before', async () => {
  const later = sampleContainer({ checkpointedAt: '2026-11-22T15:00:00Z' });
  const group = await onlyGroup(await sampleFile(sampleContainer()), await sampleFile(later));
  assert.throws(
    () => podEntry(group),
    (error) => isPodfreightError(error, 'internal'),
  );
});

const RECORD = { file: 'a.tar', container: 'a', format: 'tar', sizeBytes: 1 };

function podWith(...fields: string[]): ManifestPod {
  const json = fields.map((field) => `${JSON.stringify(CONTAINER_ARCHIVES)}:${field}`);
  const bytes = Buffer.from(`{"CheckpointedPods":[{"SandboxID":"s1"${json.map((field) => `,${field}`).join('')}}]}`);
  return parseManifest(bytes).pods![0]!;
}

test('a pod of another kind has no records', () => {
  assert.equal(containerRecords(podWith()), undefined);
});

test('keys that a later version adds are kept', () => {
  const [record] = containerRecords(podWith(JSON.stringify([{ ...RECORD, later: [1] }])))!;
  const later: JsonValue = parseJson(Buffer.from('[1]'));
  assert.deepEqual([record?.file, record?.sizeBytes, record?.unknown], ['a.tar', 1, [['later', later]]]);
});

const REFUSED: Record<string, readonly [fields: string[], reason: RegExp]> = {
  'no archive': [['[]'], /"podfreight\.containerArchives" of pod s1 names no archive/],
  'files that differ in their extensions alone': [
    [JSON.stringify([RECORD, { ...RECORD, container: 'b', file: 'a.tar.zst' }])],
    /has the name a twice/,
  ],
  'another kind of value': [['"x"'], /must be an array, not a string/],
  'the field twice': [['[]', '[]'], /"podfreight\.containerArchives" of pod s1 is there twice/],
  'a file that goes up': [[JSON.stringify([{ ...RECORD, file: '../a.tar' }])], /has the file name "\.\.\/a\.tar"/],
  'a hidden file': [[JSON.stringify([{ ...RECORD, file: '.a.tar' }])], /which is not allowed/],
  'a file without .tar': [[JSON.stringify([{ ...RECORD, file: 'pod.dump' }])], /which is not allowed/],
  'a file with a line end': [[JSON.stringify([{ ...RECORD, file: 'a.tar\n' }])], /which is not allowed/],
  'a file that is too long': [[JSON.stringify([{ ...RECORD, file: `${'a'.repeat(252)}.tar` }])], /is not allowed/],
  'a file twice': [[JSON.stringify([RECORD, { ...RECORD, container: 'b' }])], /has the file a\.tar twice/],
  'a container twice': [[JSON.stringify([RECORD, { ...RECORD, file: 'b.tar' }])], /has the container "a" twice/],
  'a file of nobody': [[JSON.stringify([{ ...RECORD, container: '' }])], /has a file a\.tar without a container/],
  'a negative size': [[JSON.stringify([{ ...RECORD, sizeBytes: -1 }])], /must be from 0 to 2\^53-1/],
  'a size that is no number': [[JSON.stringify([{ ...RECORD, sizeBytes: '1' }])], /must be a 64-bit integer/],
  'a broken digest': [[JSON.stringify([{ ...RECORD, sha256: 'abc' }])], /has a broken SHA-256 for a\.tar/],
};

for (const [what, [fields, reason]] of Object.entries(REFUSED)) {
  test(`refuses records with ${what}`, () => {
    assert.throws(
      () => containerRecords(podWith(...fields)),
      (error: unknown) => {
        assert.ok(isPodfreightError(error, 'invalid-manifest'), String(error));
        assert.match(error.message, reason);
        return true;
      },
    );
  });
}
