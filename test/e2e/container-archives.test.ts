import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, type TestContext, test } from 'node:test';
import tar from 'tar-stream';
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
import { FIXTURES, podfreight, temporaryFolder } from './podfreight.ts';

const PODMAN = ['podman-counter.tar.zst', 'podman-redis.tar.zst', 'podman-web.tar.gz'];
/** What an older, longer file has left behind the end. */
const STALE = Buffer.from('somebody else’s memory'.repeat(100));

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

/** What a directory has, ours aside. */
async function filesOf(directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(directory)).sort()) {
    if (name !== '.podfreight') files.set(name, sha256(await readFile(join(directory, name))));
  }
  return files;
}

const digests = (files: Files) => new Map([...files].sort().map(([name, bytes]) => [name, sha256(bytes)]));

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The container archives in the pods of a fixture. */
async function containersIn(fixture: string): Promise<Files> {
  const archive = await openArchive(new MemorySource(await readFile(join(FIXTURES, fixture))));
  const found = new Map<string, Buffer>();
  for await (const { member, data } of archive.members()) {
    if (!member.name.endsWith('.tar')) continue;
    const inner = tar.extract();
    pipeline(data, inner).catch(() => {}); // told where it is read
    for await (const entry of inner) {
      const { name } = entry.header;
      const bytes = await buffer(entry);
      if (name.endsWith('.tar')) found.set(name, bytes);
    }
  }
  return found;
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
        .checkpoints.map(({ namespace, name }: Record<string, string>) => `${namespace}/${name}`)
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

  describe('there and back', () => {
    const sandboxes = [sandboxIdOf(COUNTER), sandboxIdOf(WEB)];

    async function cloudRun(args: readonly string[]) {
      const { code, stdout, stderr } = await cloud.run(args);
      assert.equal(code, 0, stderr);
      return stdout;
    }

    test('podfreight push DIR, podfreight pull --pod …  # byte for byte, with the kubelet’s names, 0600', async (t) => {
      const stale = new Map([...KUBELET].map(([name, bytes]) => [name, Buffer.concat([bytes, STALE])]));
      await push([await directoryWith(t, stale), '--node', 'there']);
      const target = join(await temporaryFolder(t), 'target');
      const pods = ['--pod', 'default/counters', '--pod', 'edge/web', '--node', 'there'];
      const landing = JSON.parse(await cloudRun(['pull', ...pods, '-t', target, '--json']));
      assert.equal(landing.form, 'containers');
      assert.deepEqual(await filesOf(target), digests(KUBELET));
      const { mode, mtime } = await stat(join(target, fileNameOf(SIDECAR)));
      assert.deepEqual([mode & 0o777, mtime], [0o600, new Date('2026-11-22T13:31:10Z')]);
      assert.deepEqual(await readdir(join(target, '.podfreight')), ['lock']);

      const again = JSON.parse(await cloudRun(['pull', ...pods, '-t', target, '--json']));
      assert.deepEqual(
        again.pods.map(({ outcome }: { outcome: string }) => outcome),
        ['unchanged', 'unchanged'],
      );
    });

    test('podfreight push DIR, podfreight bundle, podfreight pull BUNDLE  # from two nodes', async (t) => {
      for (const [node, names] of [
        ['one', [COUNTER, SIDECAR]],
        ['two', [WEB]],
      ] as const) {
        const files = new Map(names.map((one) => [fileNameOf(one), KUBELET.get(fileNameOf(one))!]));
        await push([await directoryWith(t, files), '--node', node]);
      }
      const pods = ['--pod', 'default/counters', '--pod', 'edge/web'];
      const id = (await cloudRun(['bundle', ...pods, '--quiet'])).trim();
      await cloud.stack.settled();
      const target = await temporaryFolder(t);
      await cloudRun(['pull', id, '-t', target]);
      assert.deepEqual(await filesOf(target), digests(KUBELET));

      const file = join(await temporaryFolder(t), 'bundle.tar.zst');
      await cloudRun(['pull', id, '-o', file]);
      const other = await temporaryFolder(t);
      await cloudRun(['insert', '-i', file, '-t', other, '--pod', 'edge/web']);
      assert.deepEqual([...(await filesOf(other)).keys()], [fileNameOf(WEB)]);
    });

    test('podfreight pull … # into a directory with checkpointed.pods, and back from there', async (t) => {
      const [archive] = await push([await directoryWith(t, KUBELET), '--node', 'listed']);
      const url = `s3://${archive!.bucket}/${archive!.key}`;
      const target = await makeNode(await temporaryFolder(t), 'node-b');
      const before = [...(await filesOf(target)).keys()];
      assert.equal(JSON.parse(await cloudRun(['pull', url, '-t', target, '--json'])).form, 'pods');
      assert.deepEqual([...(await filesOf(target)).keys()], [...before, `${sandboxes[0]}.tar`].sort());
      const shown = JSON.parse(await cloudRun(['show', target, '--json']));
      assert.match(JSON.stringify(shown), /"counters"/);

      await push([target, '--pod', 'default/counters', '--node', 'back']);
      const last = await temporaryFolder(t);
      await cloudRun(['pull', '--pod', 'default/counters', '--node', 'back', '-t', last]);
      assert.deepEqual(await filesOf(last), new Map([...digests(KUBELET)].slice(0, 2)));
    });

    test('podfreight pull … --as pods, --as containers', async (t) => {
      const [archive] = await push([await directoryWith(t, KUBELET), '--node', 'as']);
      const url = `s3://${archive!.bucket}/${archive!.key}`;
      const fresh = await temporaryFolder(t);
      await cloudRun(['pull', url, '-t', fresh, '--as', 'pods']);
      assert.deepEqual([...(await filesOf(fresh)).keys()], [`${sandboxes[0]}.tar`, 'checkpointed.pods'].sort());
      await cloudRun(['pull', url, '-t', fresh, '--as', 'containers']);
      assert.equal((await filesOf(fresh)).size, 4);
      const old = join(FIXTURES, 'node-a.tar.zst');
      const { code, stderr } = await cloud.run(['insert', '-i', old, '-t', join(fresh, 'x'), '--as', 'containers']);
      assert.equal(code, 7);
      assert.match(
        stderr,
        /^podfreight: Not made of container archives, .*: default\/my-redis, default\/counters\.\n$/,
      );
    });

    test('podfreight push FILE of Podman, podfreight pull s3://…  # under its own name, compressed as it was', async (t) => {
      const target = await temporaryFolder(t);
      for (const name of PODMAN) {
        const [archive] = await push([join(FIXTURES, name), '--node', 'podman-back']);
        await cloudRun(['pull', `s3://${archive!.bucket}/${archive!.key}`, '-t', target]);
      }
      const files = await Promise.all(
        PODMAN.map(async (name) => [name, await readFile(join(FIXTURES, name))] as const),
      );
      assert.deepEqual(await filesOf(target), digests(new Map(files)));
    });

    test('podfreight push FILE …, podfreight pull s3://…  # the containers’ archives in pods of 2021', async (t) => {
      const [source, target] = [await temporaryFolder(t), await temporaryFolder(t)];
      const files = await containersIn('node-a.tar.zst');
      assert.deepEqual(
        [...files.keys()].map((name) => name.split('_')[1]),
        ['redis', 'counter', 'web'],
      );
      for (const [name, bytes] of files) await writeFile(join(source, name), bytes);
      const archives = await push([...files.keys()].map((name) => join(source, name)));
      assert.equal(archives.length, 3, 'Podman made them, and knows of no pod');
      for (const { bucket, key } of archives) await cloudRun(['pull', `s3://${bucket}/${key}`, '-t', target]);
      assert.deepEqual(await filesOf(target), digests(files));
    });

    test('podfreight insert …  # another checkpoint of the same name: refused, skipped, replaced', async (t) => {
      const [archive] = await push([await directoryWith(t, KUBELET), '--node', 'conflict']);
      const url = `s3://${archive!.bucket}/${archive!.key}`;
      const target = await temporaryFolder(t);
      await writeFile(join(target, fileNameOf(COUNTER)), 'another');
      const refused = await cloud.run(['pull', url, '-t', target]);
      assert.equal(refused.code, 8);
      assert.match(refused.stderr, /other checkpoints under the names checkpoint-counters_default-counter-/);
      await cloudRun(['pull', url, '-t', target, '--on-conflict', 'skip']);
      assert.equal((await filesOf(target)).size, 1, 'a pod stays together');
      await cloudRun(['pull', url, '-t', target, '--on-conflict', 'replace']);
      assert.deepEqual(await filesOf(target), new Map([...digests(KUBELET)].slice(0, 2)));
    });
  });

  test('podfreight extract -t DIR -o FILE, podfreight insert -i FILE  # the newest of each container', async (t) => {
    const older = small({ checkpointedAt: '2026-11-21T10:00:00Z', seed: 9 });
    const directory = await directoryWith(t, new Map([...KUBELET, [fileNameOf(older), joined(crioArchive(older))]]));
    const folder = await temporaryFolder(t);
    const file = join(folder, 'all.tar.zst');
    const extracted = await podfreight(['extract', '-t', directory, '-o', file]);
    assert.equal(extracted.code, 0, extracted.stderr);
    assert.match(
      extracted.stderr,
      /^podfreight: warning: Not among them, .*-counter-2026-11-21T10:00:00Z\.tar; [^\n]*\n$/,
    );
    assert.equal((await podfreight(['insert', '-i', file, '-t', join(folder, 'all')])).code, 0);
    assert.deepEqual(await filesOf(join(folder, 'all')), digests(KUBELET));

    const web = await podfreight(['extract', '-t', directory, '--pod', 'edge/web', '-o', file]);
    assert.deepEqual([web.stderr, web.code], ['', 0]);
    assert.equal((await podfreight(['insert', '-i', file, '-t', join(folder, 'web')])).code, 0);
    assert.deepEqual([...(await filesOf(join(folder, 'web'))).keys()], [fileNameOf(WEB)]);

    await writeFile(join(directory, fileNameOf(SIDECAR)), 'half');
    const cut = await podfreight(['extract', '-t', directory, '-o', join(folder, 'cut')]);
    assert.equal(cut.code, 5);
    assert.match(cut.stderr, /-sidecar-.* is refused/);
    assert.deepEqual((await readdir(folder)).sort(), ['all', 'all.tar.zst', 'web']);
  });

  test('podfreight extract -t DIR -o FILE  # beside a checkpointed.pods: both, and no pod twice', async (t) => {
    const directory = await makeNode(await temporaryFolder(t), 'node-a');
    for (const [name, bytes] of KUBELET) await writeFile(join(directory, name), bytes);
    const file = join(await temporaryFolder(t), 'both.tar.zst');
    assert.equal((await podfreight(['extract', '-t', directory, '-o', file])).code, 0);
    const shown = JSON.parse((await podfreight(['show', file, '--json'])).stdout);
    assert.equal(shown.pods.length, 4);
    assert.equal((await podfreight(['insert', '-i', file, '-t', directory])).code, 0);
    const again = await podfreight(['extract', '-t', directory, '-o', file]);
    assert.deepEqual([again.code, again.stderr.match(/checkpoint-[^,;]*/g)?.length], [0, 3]);
  });
});
