import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { archiveRange, groupByPod, newestOfEach, takenAt } from '../../../core/checkpoint/pod-groups.ts';
import { sampleContainer, sandboxIdOf } from '../../checkpoint-samples/container.ts';
import { crioAnnotations, crioArchive } from '../../checkpoint-samples/cri-o.ts';
import { type SampleFile, sampleFile } from '../../checkpoint-samples/found.ts';
import { joined, type Piece } from '../../checkpoint-samples/pieces.ts';

const COUNTER = sampleContainer();
const LATER = sampleContainer({ checkpointedAt: '2026-11-22T15:00:00Z' });
const WEB = sampleContainer({ container: 'web' });
/** The same name, made again. */
const REBORN = sampleContainer({ uid: '11111111-5a39-4d2e-9a53-9d2f0a7f3c11' });
const ELSEWHERE = sampleContainer({ namespace: 'edge', uid: '22222222-5a39-4d2e-9a53-9d2f0a7f3c11' });

const withAnnotation = (key: string, value: string): Piece[] => {
  return crioArchive(COUNTER, { ...crioAnnotations(COUNTER), [key]: value });
};

const shown = (files: readonly SampleFile[]) =>
  files.map((file) => `${file.container.identity.containerName} ${takenAt(file)?.toISOString()}`);

test('archives of one pod come together, by container and the newest first, in whatever order they are found', async () => {
  const files = await Promise.all([WEB, COUNTER, REBORN, LATER, ELSEWHERE].map((sample) => sampleFile(sample)));
  fc.assert(
    fc.property(fc.shuffledSubarray(files, { minLength: files.length }), (found) => {
      const { pods, loose } = groupByPod(found);
      assert.deepEqual(loose, []);
      assert.deepEqual(
        pods.map(({ namespace, podName, podUid }) => `${namespace}/${podName} ${podUid}`).toSorted(),
        [REBORN, ELSEWHERE, COUNTER].map(({ namespace, pod, uid }) => `${namespace}/${pod} ${uid}`).toSorted(),
      );
      const pod = pods.find(({ podUid }) => podUid === COUNTER.uid)!;
      assert.equal(pod.sandboxId, sandboxIdOf(COUNTER));
      assert.deepEqual(shown(pod.archives), [
        'counter 2026-11-22T15:00:00.000Z',
        'counter 2026-11-22T13:31:07.123Z',
        'web 2026-11-22T13:31:07.123Z',
      ]);
      assert.deepEqual(shown(newestOfEach(pod).archives), [
        'counter 2026-11-22T15:00:00.000Z',
        'web 2026-11-22T13:31:07.123Z',
      ]);
    }),
  );
});

const LOOSE: Record<string, readonly [archive: readonly Piece[], reason: RegExp]> = {
  'without a sandbox': [withAnnotation('io.kubernetes.cri-o.SandboxID', ''), /did not record a pod, a namespace/],
  'of no engine known': [withAnnotation('io.container.manager', 'somebody'), /did not record a pod/],
  'with a sandbox that is a way up': [
    withAnnotation('io.kubernetes.cri-o.SandboxID', '../../x'),
    /its SandboxID "\.\.\/\.\.\/x" cannot be a file name/,
  ],
  'with an endless name': [
    crioArchive(sampleContainer({ pod: 'a'.repeat(254) })),
    /one of its names has more than 253 characters/,
  ],
};

for (const [what, [archive, reason]] of Object.entries(LOOSE)) {
  test(`an archive ${what} goes with no pod`, async () => {
    const file = { ...(await sampleFile(COUNTER, archive)), fileName: 'x.tar' };
    const { pods, loose } = groupByPod([await sampleFile(WEB), file]);
    assert.deepEqual(shown(pods[0]!.archives), ['web 2026-11-22T13:31:07.123Z']);
    assert.equal(loose.length, 1);
    assert.equal(loose[0]!.found, file);
    assert.match(loose[0]!.reason, reason);
  });
}

test('a sandbox that two pods claim is nobody’s', async () => {
  const thief = crioArchive(REBORN, {
    ...crioAnnotations(REBORN),
    'io.kubernetes.cri-o.SandboxID': sandboxIdOf(COUNTER),
  });
  const { pods, loose } = groupByPod([await sampleFile(COUNTER), await sampleFile(REBORN, thief)]);
  assert.deepEqual(pods, []);
  assert.equal(loose.length, 2);
  assert.match(loose[0]!.reason, /^2 different pods claim its SandboxID [0-9a-f]{64}$/);
});

test('without a recorded time the file name’s counts', async () => {
  const never = sampleContainer({ checkpointedAt: '0001-01-01T00:00:00Z' });
  const file = await sampleFile(COUNTER, crioArchive(never));
  assert.deepEqual(takenAt(file), new Date('2026-11-22T13:31:07Z'));
  assert.equal(takenAt({ ...file, fileName: 'renamed.tar' }), undefined);
});

test('what an older file left behind the end is no part of the archive', async () => {
  const tar = joined(crioArchive(COUNTER));
  const file = await sampleFile(COUNTER, [tar, Buffer.alloc(5000, 7)]);
  assert.deepEqual(archiveRange(file), { start: 0, end: tar.length });
  assert.equal(file.sizeBytes, tar.length + 5000);
});
