import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { openArchive } from '../../../core/archive/reader.ts';
import { containerRecords } from '../../../core/checkpoint/container-records.ts';
import { archiveRange, groupByPod } from '../../../core/checkpoint/pod-groups.ts';
import { archiveDigest, shipContainers } from '../../../core/checkpoint/ship-containers.ts';
import { splitPodTar } from '../../../core/checkpoint/split-pod-tar.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { MANIFEST_NAME } from '../../../core/sandbox-id.ts';
import type { Shipment } from '../../../core/shipment.ts';
import { sampleContainer } from '../../checkpoint-samples/container.ts';
import { crioArchive } from '../../checkpoint-samples/cri-o.ts';
import { digestsOf, sampleFile } from '../../checkpoint-samples/found.ts';
import { MemorySource } from '../archive/memory-source.ts';

const COUNTER = sampleContainer();
const WEB = sampleContainer({ container: 'web', checkpointedAt: '2026-11-22T13:40:00.9Z', seed: 5 });
/** What an older, longer file has left behind the end. */
const STALE = Buffer.from('somebody else’s memory');

async function twoContainers() {
  const files = [await sampleFile(COUNTER, [...crioArchive(COUNTER), STALE]), await sampleFile(WEB)];
  const [group] = groupByPod(files).pods;
  return { files, group: group!, digests: await digestsOf(files) };
}

async function bytesOf(shipment: Shipment): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of shipment.body()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

for (const format of ['tar', 'tar+zstd'] as const) {
  test(`an archive of one pod, its containers in it byte for byte, in ${format}`, async () => {
    const { files, group, digests } = await twoContainers();
    const shipment = await shipContainers(group, digests, format);
    assert.deepEqual(shipment.sandboxIds, [group.sandboxId]);
    assert.equal(shipment.checkpointedAt.toISOString(), '2026-11-22T13:40:00.000Z');

    const bytes = await bytesOf(shipment);
    assert.ok(!bytes.includes(STALE));
    const archive = await openArchive(new MemorySource(bytes));
    const members = new Map(archive.index?.members.map(({ name, sha256 }) => [name, sha256]));
    assert.deepEqual(members, await shipment.digests());
    const { manifest } = await archive.manifest();
    const records = containerRecords(manifest.pods![0]!);
    for await (const { member, data } of archive.members()) {
      if (member.name === MANIFEST_NAME) continue;
      const found = new Map<string, string>();
      for await (const { fileName, data: inner } of splitPodTar({ name: 'x', chunks: data }, records)) {
        const hash = createHash('sha256');
        for await (const chunk of inner) hash.update(chunk);
        found.set(fileName, hash.digest('hex'));
      }
      assert.deepEqual(found, digests);
    }
    assert.equal(files.length, records?.length);
  });
}

test('bytes that do not have their digest are not shipped', async () => {
  const { group, digests } = await twoContainers();
  const wrong = new Map([...digests].map(([name]) => [name, '0'.repeat(64)]));
  const shipment = await shipContainers(group, wrong, 'tar');
  await assert.rejects(bytesOf(shipment), (error) => isPodfreightError(error, 'source-changed'));
});

test("an archive's digest is that of its own bytes, and its reading can be ended", async () => {
  const { files, digests } = await twoContainers();
  const [counter] = files;
  let readBytes = 0;
  const digest = await archiveDigest(counter!, { onRead: (bytes) => (readBytes += bytes) });
  assert.equal(digest, digests.get(counter!.fileName));
  assert.equal(readBytes, archiveRange(counter!).end);
  const reason = new Error('enough');
  await assert.rejects(archiveDigest(counter!, { signal: AbortSignal.abort(reason) }), reason);
});
