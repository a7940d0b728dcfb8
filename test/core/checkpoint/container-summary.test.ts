import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openCheckpoint } from '../../../core/checkpoint/checkpoint.ts';
import {
  summariseArchive,
  summariseEntry,
  summariseFields,
  summarisePod,
} from '../../../core/checkpoint/container-summary.ts';
import { podEntry } from '../../../core/checkpoint/pod-entry.ts';
import { groupByPod } from '../../../core/checkpoint/pod-groups.ts';
import { containerIdOf, sandboxIdOf } from '../../checkpoint-samples/container.ts';
import { digestsOf, sampleFile } from '../../checkpoint-samples/found.ts';
import { COUNTER, WEB } from '../../checkpoint-samples/node.ts';
import { PieceSource } from '../../checkpoint-samples/pieces.ts';
import { type PodForm, podArchive } from '../../checkpoint-samples/pod.ts';
import { pod } from '../../cli/pods.ts';

test('a container archive and the entry of its pod in a manifest tell the same, the entry its digest too', async () => {
  const files = [await sampleFile(COUNTER), await sampleFile(WEB)];
  const digests = await digestsOf(files);
  const entry = podEntry(groupByPod(files).pods[0]!, digests);
  const expected = files.map((file) => ({ ...summariseArchive(file), sha256: digests.get(file.fileName) }));
  assert.deepEqual(summariseEntry(entry), expected);
  assert.equal(expected[0]?.sandboxId, sandboxIdOf(COUNTER));
});

for (const form of ['list', 'map', 'directories'] satisfies PodForm[]) {
  test(`a pod archive with ${form} tells of its containers what their own archives do, but for what these are called`, async () => {
    const checkpoint = await openCheckpoint(new PieceSource(podArchive([COUNTER, WEB], form)));
    assert.ok(checkpoint.kind === 'pod');
    const alone = [summariseArchive(await sampleFile(COUNTER)), summariseArchive(await sampleFile(WEB))];
    const own = form === 'directories' ? { format: '', sizeBytes: 0 } : {};
    const expected = alone.map((summary, i) => {
      const entry = checkpoint.pod.containers[i]!.entry;
      return { ...summary, file: form === 'directories' ? entry : `${entry}.tar`, ...own };
    });
    assert.deepEqual(summarisePod(checkpoint.pod), expected);
  });
}

test('the first checkpointctl’s fields alone tell names, IDs and images', () => {
  const container = { name: 'web', id: containerIdOf(WEB), image: 'localhost/web', restartCount: 0, unknown: [] };
  const messages = { terminationMessagePath: '', terminationMessagePolicy: '', terminationMessagePathUID: '' };
  const entry = pod('a1', { containers: [{ ...container, ...messages }], podIPs: ['192.0.2.1'] });
  assert.deepEqual(summariseEntry(entry), []);
  const [summary, ...more] = summariseFields(entry);
  const { namespace, podUid, podIPs, file, container: name, containerId, engine, image, createdAt } = summary!;
  assert.deepEqual([namespace, podUid, podIPs, file], ['default', 'uid-a1', ['192.0.2.1'], 'a1.tar']);
  assert.deepEqual([name, containerId, engine, image], ['web', containerIdOf(WEB), 'cri-o', 'localhost/web']);
  assert.deepEqual([createdAt, summary?.checkpointBytes, more], ['', 0, []]);
  assert.deepEqual(summariseFields(pod('a2', { containers: null })), []);
});
