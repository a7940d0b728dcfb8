import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openForWriting } from '../../cli/open-writers.ts';
import { openArchive } from '../../core/archive/reader.ts';
import { containerRecords } from '../../core/checkpoint/container-records.ts';
import { type SampleContainer, sampleContainer, sandboxIdOf } from '../checkpoint-samples/container.ts';
import { containerdArchive } from '../checkpoint-samples/containerd.ts';
import { crioArchive } from '../checkpoint-samples/cri-o.ts';
import { fileNameOf } from '../checkpoint-samples/found.ts';
import { joined } from '../checkpoint-samples/pieces.ts';
import { MemorySource } from '../core/archive/memory-source.ts';
import { Cloud } from './cloud.ts';
import { makeNode, PODS } from './nodes.ts';
import { FIXTURES, temporaryFolder } from './podfreight.ts';

const PODMAN = ['podman-counter.tar.zst', 'podman-redis.tar.zst', 'podman-web.tar.gz'];
const small = (fields: Partial<SampleContainer>) => sampleContainer({ pagesBytes: 64 * 1024, ...fields });
const COUNTER = small({});
const SIDECAR = small({ container: 'sidecar', seed: 3, checkpointedAt: '2026-11-22T14:31:10+01:00' });
const WEB = small({
  namespace: 'edge',
  pod: 'web',
  container: 'web',
  uid: '9d4ff1e0-5a39-4d2e-9a53-9d2f0a7f3c11',
  seed: 5,
});

/** File name → bytes. */
type Files = ReadonlyMap<string, Buffer>;

/** Two containers of CRI-O's pod and one of containerd's. */
const KUBELET: Files = new Map([
  [fileNameOf(COUNTER), joined(crioArchive(COUNTER))],
  [fileNameOf(SIDECAR), joined(crioArchive(SIDECAR))],
  [fileNameOf(WEB), joined(containerdArchive(WEB))],
]);

async function directoryWith(t: TestContext, files: Files): Promise<string> {
  const directory = await temporaryFolder(t);
  for (const [name, bytes] of files) await writeFile(join(directory, name), bytes);
  return directory;
}

const digests = (files: Files) => new Map([...files].sort().map(([name, bytes]) => [name, sha256(bytes)]));

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('container archives', () => {
  const cloud = new Cloud();

  async function push(args: readonly string[]) {
    const { code, stdout, stderr } = await cloud.run(['push', ...args, '--json']);
    assert.deepEqual([stderr, code], ['', 0]);
    await cloud.stack.settled();
    return JSON.parse(stdout).archives as { bucket: string; key: string; files?: string[]; stored: boolean }[];
  }

  async function manifestOf(key: string) {
    const archive = await openArchive(new MemorySource(await cloud.bytes(cloud.archives, key)));
    return (await archive.manifest()).manifest.pods ?? [];
  }

  test('podfreight push DIR  # without checkpointed.pods: one archive for each pod', async (t) => {
    const directory = await directoryWith(t, KUBELET);
    await writeFile(join(directory, 'notes.tar'), 'not the kubelet’s');
    const archives = await push([directory, '--node', 'dir']);
    assert.deepEqual(
      archives.map(({ files }) => files),
      [[fileNameOf(COUNTER), fileNameOf(SIDECAR)], [fileNameOf(WEB)]],
    );
    const [pod] = await manifestOf(archives[0]!.key);
    assert.deepEqual([pod?.namespace, pod?.name, pod?.sandboxId], ['default', 'counters', sandboxIdOf(COUNTER)]);
    assert.deepEqual(
      containerRecords(pod!)?.map(({ file, sha256 }) => [file, sha256]),
      [...digests(KUBELET)].slice(0, 2),
    );
    const again = await push([directory, '--node', 'dir']);
    assert.deepEqual(
      again.map(({ stored }) => stored),
      [false, false],
    );
    const { stdout } = await cloud.run(['list', '--node', 'dir', '--json']);
    assert.deepEqual(
      JSON.parse(stdout)
        .pods.map(({ namespace, name }: Record<string, string>) => `${namespace}/${name}`)
        .toSorted(),
      ['default/counters', 'edge/web'],
    );
  });

  test('podfreight push FILE FILE  # of one pod together; what is given twice goes once', async (t) => {
    const directory = await directoryWith(t, KUBELET);
    const paths = [SIDECAR, COUNTER, SIDECAR].map((one) => join(directory, fileNameOf(one)));
    const archives = await push([...paths, '--node', 'files']);
    assert.deepEqual(
      archives.map(({ files }) => files),
      [[fileNameOf(COUNTER), fileNameOf(SIDECAR)]],
    );
  });

  test('podfreight push DIR --pod edge/web  # reads no other pod’s', async (t) => {
    const directory = await directoryWith(t, KUBELET);
    await writeFile(join(directory, fileNameOf(COUNTER)), KUBELET.get(fileNameOf(COUNTER))!.subarray(0, 5000));
    const archives = await push([directory, '--pod', 'edge/web', '--node', 'chosen']);
    assert.deepEqual(
      archives.map(({ files }) => files),
      [[fileNameOf(WEB)]],
    );
    const { code, stderr } = await cloud.run(['push', directory, '--pod', 'edge/other', '--node', 'chosen']);
    assert.equal(code, 3);
    assert.match(stderr, /has no pod edge\/other/);
  });

  test('podfreight push DIR  # with checkpointed.pods beside them: both', async (t) => {
    const directory = await makeNode(await temporaryFolder(t), 'node-a');
    for (const [name, bytes] of KUBELET) await writeFile(join(directory, name), bytes);
    const archives = await push([directory, '--node', 'both']);
    assert.equal(archives.length, 4);
    assert.match(archives[0]!.key, new RegExp(PODS.redisOnA));
  });

  test('podfreight push DIR  # older archives of a container go by themselves', async (t) => {
    const older = small({ checkpointedAt: '2026-11-21T10:00:00Z', seed: 9 });
    const files = new Map([...KUBELET, [fileNameOf(older), joined(crioArchive(older))]]);
    const archives = await push([await directoryWith(t, files), '--node', 'older']);
    assert.deepEqual(archives.map(({ files }) => files?.length).toSorted(), [1, 1, 2]);
  });

  test('podfreight push DIR  # what is not finished stays, and keeps nothing else from going', async (t) => {
    const directory = await directoryWith(t, KUBELET);
    const [cut, written] = [fileNameOf(SIDECAR), fileNameOf(WEB)].map((name) => join(directory, name)) as [
      string,
      string,
    ];
    await writeFile(cut, KUBELET.get(fileNameOf(SIDECAR))!.subarray(0, 30_000));
    await using _ = await open(written, 'r+');
    const isSeen = (await openForWriting(new Map())) !== undefined;
    const { code, stdout, stderr } = await cloud.run(['push', directory, '--node', 'unfinished', '--json']);
    assert.deepEqual(
      JSON.parse(stdout).archives.map(({ files }: { files: string[] }) => files),
      [[fileNameOf(COUNTER)], ...(isSeen ? [] : [[fileNameOf(WEB)]])],
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /-sidecar-.* is refused: it ends early/);
    if (isSeen) assert.match(stderr, /_edge-web-.* is open for writing, so it may not be finished/);
  });

  test('podfreight push FILE.tar.zst  # of Podman, which has no pod: the container by itself', async () => {
    for (const name of PODMAN) {
      const [archive] = await push([join(FIXTURES, name), '--node', 'podman']);
      const [pod] = await manifestOf(archive!.key);
      assert.deepEqual([pod?.namespace, pod?.name, archive!.files], ['', '', [name]]);
      const [record] = containerRecords(pod!)!;
      assert.equal(pod?.sandboxId, record?.containerId);
      assert.equal(record?.sha256, sha256(await readFile(join(FIXTURES, name))));
    }
  });

  test('podfreight push  # of what is none', async (t) => {
    const directory = await temporaryFolder(t);
    const empty = await cloud.run(['push', directory]);
    assert.deepEqual([empty.code, empty.stdout], [3, '']);
    assert.match(empty.stderr, /has neither checkpointed\.pods nor archives of containers/);
    const strange = join(directory, 'two words.tar');
    await writeFile(strange, KUBELET.get(fileNameOf(COUNTER))!);
    const { code, stderr } = await cloud.run(['push', strange]);
    assert.match(stderr, /has a name that cannot be moved; rename it/);
    assert.equal(code, 7);
  });
});
