import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeArchive } from '../../core/archive/writer.ts';
import { containerRecords } from '../../core/checkpoint/container-records.ts';
import { podEntry } from '../../core/checkpoint/pod-entry.ts';
import type { FoundArchive, PodGroup } from '../../core/checkpoint/pod-groups.ts';
import { archivePlaces, planPodTar, readSegments } from '../../core/checkpoint/pod-tar.ts';
import { formatManifest } from '../../core/manifest/manifest.ts';
import { manifest } from '../cli/pods.ts';
import { MemorySource } from '../core/archive/memory-source.ts';
import { memory, PulledArchive } from './killed-pull.ts';
import { temporaryFolder } from './podfreight.ts';

const MiB = 1024 * 1024;
/** The archive's end, its manifest, and frames that lie in no archive alone. */
const ASIDE_BYTES = 9 * MiB;

const FILES = new Map([
  ['checkpoint-p_default-a-2026-11-22T14:31:07+01:00.tar', memory(50 * MiB + 5, 3)],
  ['checkpoint-p_default-b-2026-11-22T14:31:08+01:00.tar', memory(1_100_000, 4)],
  ['checkpoint-p_default-c-2026-11-22T14:31:09+01:00.tar', memory(40 * MiB, 5)],
]);

/** As it is looked at, without a look: these bytes are nothing but bytes. */
function found(fileName: string, bytes: Buffer): FoundArchive {
  const identity = {
    engine: 'cri-o',
    containerName: fileName.slice(21, 22),
    kubelet: new Map(),
    podIPs: [],
    image: {},
  };
  const container = { identity, format: 'tar', endsAt: bytes.length, checkpointBytes: 0 };
  return { fileName, sizeBytes: bytes.length, container } as unknown as FoundArchive;
}

async function podOf() {
  const archives = [...FILES].map(([name, bytes]) => found(name, bytes));
  const group: PodGroup = { podName: 'p', namespace: 'default', podUid: 'u', sandboxId: 's', archives };
  const digests = new Map([...FILES].map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')]));
  return { entry: podEntry(group, digests), plan: await planPodTar(group) };
}

async function archiveOf(format: 'tar' | 'tar+zstd'): Promise<Buffer> {
  const { entry, plan } = await podOf();
  const sources = [...FILES.values()].map((bytes) => new MemorySource(bytes));
  const { stream } = writeArchive({
    manifest: formatManifest(manifest(entry)),
    modifiedAt: plan.modifiedAt,
    pods: [{ sandboxId: 's', ...plan, read: () => readSegments(plan.segments, sources) }],
    format,
  });
  return Buffer.concat(await Array.fromAsync(stream));
}

test('where archives lie in a pod’s file is known from the manifest', async () => {
  const { entry, plan } = await podOf();
  const sources = [...FILES.values()].map((bytes) => new MemorySource(bytes));
  const tar = Buffer.concat(await Array.fromAsync(readSegments(plan.segments, sources)));
  const places = await archivePlaces(entry, containerRecords(entry)!);
  assert.equal(places.length, FILES.size);
  for (const { file, range } of places) {
    assert.ok(tar.subarray(range.start, range.end).equals(FILES.get(file)!), file);
  }
});

for (const format of ['tar', 'tar+zstd'] as const) {
  test(`podfreight pull s3://…/archive  # of containers, ${format}, killed while it reads: goes on where it was`, async (t) => {
    const target = join(await temporaryFolder(t), 'target');
    const archive = await archiveOf(format);
    const pulled = await PulledArchive.make(t, archive, 'archive');
    const keptBytes = await pulled.killHalfwayThrough(['-t', target], join(target, '.podfreight'));
    const last = await pulled.pull(['-t', target]);
    assert.deepEqual([last.code, last.stderr], [0, '']);
    const share = keptBytes / [...FILES.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    const most = archive.length * (1 - share) + ASIDE_BYTES;
    assert.ok(last.askedBytes <= most, `asked for ${last.askedBytes / MiB} MiB again, not ${most / MiB}`);
    t.diagnostic(
      `killed with ${Math.round(share * 100)} %, then ${last.askedBytes / MiB} of ${archive.length / MiB} MiB`,
    );
    for (const [name, bytes] of FILES) assert.ok((await readFile(join(target, name))).equals(bytes), name);
    assert.deepEqual(await readdir(join(target, '.podfreight')), ['lock']);
  });
}
