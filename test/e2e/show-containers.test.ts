import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { FileSource } from '../../cli/file-source.ts';
import { openCheckpoint } from '../../core/checkpoint/checkpoint.ts';
import { groupByPod } from '../../core/checkpoint/pod-groups.ts';
import { shipContainers } from '../../core/checkpoint/ship-containers.ts';
import { containerIdOf, imageDigestOf, sampleContainer, sandboxIdOf } from '../checkpoint-samples/container.ts';
import { containerdArchive, containerdMembers } from '../checkpoint-samples/containerd.ts';
import { crioAnnotations, crioArchive } from '../checkpoint-samples/cri-o.ts';
import { digestsOf, fileNameOf, sampleFile } from '../checkpoint-samples/found.ts';
import { API, COUNTER, WEB, writeKubeletArchives } from '../checkpoint-samples/node.ts';
import { joined, lengthOf } from '../checkpoint-samples/pieces.ts';
import { podArchive } from '../checkpoint-samples/pod.ts';
import { writeSample, writeSparseSample } from '../checkpoint-samples/write.ts';
import { makeNode, PODS } from './nodes.ts';
import { FIXTURES, podfreight, temporaryFolder } from './podfreight.ts';
import { spending } from './spending.ts';
import { rowsOf } from './table-rows.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const HEADER = [
  ...['POD', 'NAMESPACE', 'CONTAINER', 'IMAGE', 'ID', 'RUNTIME', 'CREATED', 'CHECKPOINTED', 'ENGINE'],
  ...['CHKPT SIZE', 'ROOT FS DIFF SIZE'],
];
const CREATED = '2026-11-22T13:24:51Z';
const COUNTER_ROW = [
  ...['counters', 'default', 'counter', COUNTER.image, containerIdOf(COUNTER).slice(0, 12), 'runc', CREATED],
  ...['2026-11-22T13:31:07Z', 'CRI-O', '86.7 KiB', '3.5 KiB'],
];
const WEB_ROW = [
  ...['counters', 'default', 'web', WEB.image, containerIdOf(WEB).slice(0, 12), 'runc', CREATED],
  ...['2026-11-22T13:31:09Z', 'CRI-O', '86.7 KiB', ''],
];
/** In gzip, which may pack it in another way some day. */
const LAYER = containerdMembers(API).find(({ name }) => name === 'rootfs-diff.tar');
const LAYER_BYTES = lengthOf(LAYER!.content!);
const API_ROW = [
  ...['api', 'edge-eu', 'front', API.image, containerIdOf(API).slice(0, 12), 'io.containerd.runc.v2', CREATED],
  ...['2026-11-22T13:20:00Z', 'containerd', '3.0 MiB', `${LAYER_BYTES} B`],
];
const PODMAN = [
  [
    '',
    '',
    'counter',
    'localhost/counter:latest',
    '77e7f1fec234',
    'runc',
    CREATED,
    '',
    'Podman',
    '164.8 KiB',
    '2.0 KiB',
  ],
  ['', '', 'redis', 'localhost/redis:7', 'ee68ea661480', 'runc', '2026-11-22T13:24:52Z', '', 'Podman', '11.4 MiB', ''],
  ['', '', 'web', 'localhost/web:1', '666466031c69', 'runc', CREATED, '', 'Podman', '81.2 KiB', ''],
];
const PODMAN_FILES = ['podman-counter.tar.zst', 'podman-redis.tar.zst', 'podman-web.tar.gz'];

for (const [i, name] of PODMAN_FILES.entries()) {
  test(`podfreight show ${name}`, async () => {
    const { stdout, stderr, code } = await podfreight(['show', name], { cwd: FIXTURES });
    assert.ok(stdout.startsWith(`\nDisplaying container checkpoint data from ${name}\n\n+-`), stdout);
    assert.deepEqual([rowsOf(stdout), stderr, code], [[HEADER, PODMAN[i]], '', 0]);
  });
}

test('podfreight show podman-counter.tar.zst podman-redis.tar.zst podman-web.tar.gz', async () => {
  const { stdout, stderr, code } = await podfreight(['show', ...PODMAN_FILES], { cwd: FIXTURES });
  assert.match(stdout, /^\nDisplaying container checkpoint data from 3 archives\n\n\+-/);
  const expected = PODMAN.map((row, i) => [...row, PODMAN_FILES[i]]);
  assert.deepEqual([rowsOf(stdout), stderr, code], [[[...HEADER, 'ARCHIVE'], ...expected], '', 0]);
});

test("podfreight show kubelet  # a directory of today's kubelet, and nothing is written", async (t) => {
  const cwd = await temporaryFolder(t);
  const names = await writeKubeletArchives(join(cwd, 'kubelet'));
  const { stdout, stderr, code } = await podfreight(['show', 'kubelet'], { cwd, env: { TMPDIR: cwd } });
  assert.match(stdout, /^\nDisplaying container checkpoint data from kubelet\n\n\+-/);
  assert.deepEqual([rowsOf(stdout), stderr, code], [[HEADER, API_ROW, COUNTER_ROW, WEB_ROW], '', 0]);
  assert.deepEqual([await readdir(cwd), await readdir(join(cwd, 'kubelet'))], [['kubelet'], names]);
});

test('podfreight show -t=kubelet --show-pod-uid=true --show-pod-ip  # the old flags', async (t) => {
  const cwd = await temporaryFolder(t);
  await writeKubeletArchives(join(cwd, 'kubelet'));
  const { stdout, code } = await podfreight(['show', '-t=kubelet', '--show-pod-uid=true', '--show-pod-ip'], { cwd });
  const expected = [
    [...HEADER, 'POD UID', 'POD IP'],
    [...API_ROW, API.uid, ''],
    ...[COUNTER_ROW, WEB_ROW].map((row) => [...row, COUNTER.uid, '10.85.0.8']),
  ];
  assert.deepEqual([rowsOf(stdout), code], [expected, 0]);
});

for (const [engine, sample, make, row] of [
  ['cri-o', COUNTER, crioArchive, COUNTER_ROW],
  ['containerd', API, containerdArchive, API_ROW],
] as const) {
  test(`podfreight show plain.tar packed.tar.gz packed.tar.zst  # of ${engine}`, async (t) => {
    const cwd = await temporaryFolder(t);
    const tar = joined(make(sample));
    const files = { 'plain.tar': tar, 'packed.tar.gz': gzipSync(tar), 'packed.tar.zst': zstdCompressSync(tar) };
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(cwd, name), bytes);
    const { stdout, code } = await podfreight(['show', ...Object.keys(files)], { cwd });
    const expected = Object.keys(files).map((name) => [...row, name]);
    assert.deepEqual([rowsOf(stdout).slice(1), code], [expected, 0]);
  });
}

for (const form of ['list', 'map', 'directories'] as const) {
  test(`podfreight show pod.tar  # a pod archive with ${form}`, async (t) => {
    const cwd = await temporaryFolder(t);
    await writeSample(join(cwd, 'pod.tar'), podArchive([COUNTER, WEB], form));
    const { stdout, stderr, code } = await podfreight(['show', 'pod.tar'], { cwd });
    assert.match(stdout, /^\nDisplaying pod checkpoint data from pod\.tar\n/);
    assert.deepEqual([rowsOf(stdout), stderr, code], [[HEADER, COUNTER_ROW, WEB_ROW], '', 0]);
  });
}

test('podfreight show <SandboxID>.tar counter.tar  # real ones: a pod archive of 2021, and a container archive in it', async (t) => {
  const cwd = await temporaryFolder(t);
  const podFile = `${PODS.counters}.tar`;
  const source = await FileSource.open(join(await makeNode(cwd, 'node-a'), podFile), 'refuse');
  t.after(() => source.close());
  const pod = await openCheckpoint(source);
  assert.ok(pod.kind === 'pod');
  await writeFile(join(cwd, 'counter.tar'), await source.read(pod.pod.containers[0]!.archive!.range));

  const { stdout, stderr, code } = await podfreight(['show', `node-a/${podFile}`, 'counter.tar'], { cwd });
  const [counter, , web] = PODMAN;
  const inPod = (row: readonly string[] = []) => ['counters', 'default', ...row.slice(2)];
  assert.match(
    stdout,
    /Displaying container checkpoint data from counter\.tar\n.*Displaying pod checkpoint data from /s,
  );
  assert.deepEqual(rowsOf(stdout), [HEADER, counter, HEADER, inPod(counter), inPod(web)]);
  assert.deepEqual([stderr, code], ['', 0]);
});

test('podfreight show node-a  # a manifest, and container archives beside it', async (t) => {
  const cwd = await temporaryFolder(t);
  await makeNode(cwd, 'node-a');
  const alone = await podfreight(['show', 'node-a'], { cwd });
  // Files of pods that the manifest does not name never counted.
  await writeFile(join(cwd, 'node-a/unlisted.tar'), 'anything');
  assert.deepEqual(await podfreight(['show', 'node-a'], { cwd }), alone);

  await writeKubeletArchives(join(cwd, 'node-a'));
  const { stdout, stderr, code } = await podfreight(['show', 'node-a'], { cwd });
  assert.ok(stdout.startsWith(`${alone.stdout}\nDisplaying container checkpoint data from node-a\n`), stdout);
  assert.deepEqual(rowsOf(stdout.slice(alone.stdout.length)), [HEADER, API_ROW, COUNTER_ROW, WEB_ROW]);
  assert.deepEqual([stderr, code], ['', 0]);
});

for (const format of ['tar', 'tar+zstd'] as const) {
  test(`podfreight show ours  # ${format}, its pod made of container archives`, async (t) => {
    const cwd = await temporaryFolder(t);
    const files = [await sampleFile(COUNTER), await sampleFile(WEB)];
    const [group] = groupByPod(files).pods;
    const shipment = await shipContainers(group!, await digestsOf(files), format);
    await writeFile(join(cwd, 'ours'), shipment.body());

    const { stdout, stderr, code } = await podfreight(['show', 'ours'], { cwd });
    assert.match(stdout, /^\nDisplaying data from ours\n.*\n\nContainer archives of these pods\n/s);
    const [header, ...rows] = rowsOf(stdout);
    assert.deepEqual(header, ['POD', 'NAMESPACE', 'CONTAINER', 'IMAGE', 'ARCHIVE FOUND']);
    assert.deepEqual(rows.slice(2), [HEADER, COUNTER_ROW, WEB_ROW]);
    assert.deepEqual([stderr, code], ['', 0]);

    const { containers } = JSON.parse((await podfreight(['show', 'ours', '--json'], { cwd })).stdout);
    assert.deepEqual(
      containers.map(({ kind, file, sha256 }: Record<string, string>) => [kind, file, sha256]),
      [...(await digestsOf(files))].map(([file, sha256]) => ['pods', file, sha256]),
    );
  });
}

test('podfreight show counter.tar --json', async (t) => {
  const cwd = await temporaryFolder(t);
  await writeSample(join(cwd, fileNameOf(COUNTER)), crioArchive(COUNTER));
  const { stdout, stderr, code } = await podfreight(['show', fileNameOf(COUNTER), '--json'], { cwd });
  assert.deepEqual(JSON.parse(stdout), {
    target: fileNameOf(COUNTER),
    sources: [{ source: fileNameOf(COUNTER), kind: 'container' }],
    pods: [],
    containers: [
      {
        source: fileNameOf(COUNTER),
        kind: 'container',
        namespace: 'default',
        pod: 'counters',
        podUid: COUNTER.uid,
        sandboxId: sandboxIdOf(COUNTER),
        podIPs: ['10.85.0.8'],
        file: fileNameOf(COUNTER),
        container: 'counter',
        containerId: containerIdOf(COUNTER),
        engine: 'cri-o',
        runtime: 'runc',
        image: COUNTER.image,
        imageDigest: imageDigestOf(COUNTER),
        createdAt: '2026-11-22T13:24:51.656Z',
        checkpointedAt: '2026-11-22T13:31:07.123Z',
        restoredAt: '',
        format: 'tar',
        sizeBytes: joined(crioArchive(COUNTER)).length,
        checkpointBytes: 88_768,
        rootfsDiffBytes: 3584,
        sha256: '',
      },
    ],
    failures: [],
  });
  assert.deepEqual([stderr, code], ['', 0]);
});

test('podfreight show kubelet  # broken archives among good ones', async (t) => {
  const cwd = await temporaryFolder(t);
  const [, counter] = await writeKubeletArchives(join(cwd, 'kubelet'));
  await truncate(join(cwd, 'kubelet', counter!), 60_000);
  const one = await podfreight(['show', 'kubelet'], { cwd });
  assert.deepEqual(rowsOf(one.stdout), [HEADER, API_ROW, WEB_ROW]);
  assert.match(
    one.stderr,
    /^podfreight: The archive kubelet\/checkpoint-counters_\S+ is refused: it ends early, .*\.\n$/,
  );
  assert.equal(one.code, 5);

  const link = 'checkpoint-x_y-z-2026-11-22T13:20:00Z.tar';
  await symlink('/etc/passwd', join(cwd, 'kubelet', link));
  const two = await podfreight(['show', 'kubelet', '--show-pod-uid'], { cwd });
  assert.deepEqual(rowsOf(two.stdout).length, 3);
  const [ends, followed, sum] = two.stderr.split('\n');
  assert.match(ends!, /^podfreight: warning: The archive kubelet\/checkpoint-counters_\S+ is refused: it ends early/);
  assert.match(followed!, /^podfreight: warning: Cannot open kubelet\/checkpoint-x_y\S+: is a symbolic link/);
  assert.equal(sum, 'podfreight: 2 of these could not be looked at.');
  assert.equal(two.code, 5);

  const json = await podfreight(['show', 'kubelet', '--json'], { cwd });
  const { containers, failures } = JSON.parse(json.stdout);
  assert.deepEqual([containers.length, json.code], [2, 5]);
  assert.deepEqual(
    failures.map(({ source, code }: Record<string, string>) => [source, code]),
    [
      [`kubelet/${counter}`, 'invalid-archive'],
      [`kubelet/${link}`, 'unsupported'],
    ],
  );
  assert.equal(JSON.parse(json.stderr).error.code, 'invalid-archive');
});

test('podfreight show missing.tar podman-web.tar.gz  # one of several is missing', async () => {
  const { stdout, stderr, code } = await podfreight(['show', 'missing.tar', 'podman-web.tar.gz'], { cwd: FIXTURES });
  assert.deepEqual(rowsOf(stdout), [HEADER, PODMAN[2]]);
  assert.equal(stderr, 'podfreight: Cannot open missing.tar: no such file or directory.\n');
  assert.equal(code, 3);
});

test('podfreight show mixed  # a directory of all kinds', async (t) => {
  const cwd = await temporaryFolder(t);
  await mkdir(join(cwd, 'mixed'));
  for (const name of ['node-b.tar.zst', 'podman-web.tar.gz'])
    await copyFile(join(FIXTURES, name), join(cwd, 'mixed', name));
  await writeSample(join(cwd, 'mixed/pod.tar'), podArchive([COUNTER], 'map'));
  await writeFile(join(cwd, 'mixed/notes.txt'), 'no archive');
  const { stdout, stderr, code } = await podfreight(['show', 'mixed'], { cwd });
  const bundle = readFileSync(join(FIXTURES, 'node-b.show.txt'), 'utf8');
  assert.deepEqual(rowsOf(stdout), [
    ...rowsOf(bundle).map((row) => row.slice(0, -1)),
    ...[HEADER, PODMAN[2]],
    ...[HEADER, COUNTER_ROW],
  ]);
  assert.deepEqual(stdout.match(/Displaying .*/g), [
    'Displaying data from mixed/node-b.tar.zst',
    'Displaying container checkpoint data from mixed/podman-web.tar.gz',
    'Displaying pod checkpoint data from mixed/pod.tar',
  ]);
  assert.deepEqual([stderr, code], ['', 0]);
});

test('podfreight show hostile.tar  # prevents names from steering the terminal', async (t) => {
  const cwd = await temporaryFolder(t);
  const hostile = sampleContainer({ pod: '\u001b[2Jgone\u202e', container: 'a\rb', image: '\u009b31m' });
  await writeSample(join(cwd, 'hostile.tar'), crioArchive(hostile, crioAnnotations(hostile)));
  for (const flag of [[], ['--json']]) {
    const { stdout, code } = await podfreight(['show', 'hostile.tar', ...flag], { cwd });
    assert.match(stdout, /^[\n\x20-\x7e]*$/);
    assert.match(stdout, /gone/);
    assert.equal(code, 0);
  }
});

for (const [engine, make] of [
  ['cri-o', crioArchive],
  ['containerd', containerdArchive],
] as const) {
  test(`podfreight show large.tar  # of ${engine}, 2 GiB, of which less than 1 MiB is read`, async (t) => {
    const path = join(await temporaryFolder(t), 'large.tar');
    await writeSparseSample(path, make({ ...COUNTER, processes: 1, pagesBytes: 2 * GIB, logBytes: 300_000 }));
    const { stdout, readBytes } = await spending(['show', path]);
    const [, row] = rowsOf(stdout);
    assert.deepEqual([row?.slice(0, 3), row?.[9]], [['counters', 'default', 'counter'], '2.0 GiB']);
    assert.ok(readBytes > 0 && readBytes < MIB, `${readBytes} bytes`);
  });
}

test('a stale tail behind the archive changes nothing', async (t) => {
  const cwd = await temporaryFolder(t);
  const path = join(cwd, 'counter.tar');
  await writeSample(path, [...crioArchive(COUNTER), Buffer.alloc(70_000, 'x')]);
  const { stdout, code } = await podfreight(['show', path, '--json']);
  const [{ sizeBytes, container }] = JSON.parse(stdout).containers;
  assert.deepEqual([sizeBytes, container, code], [joined(crioArchive(COUNTER)).length, 'counter', 0]);
  assert.equal((await readFile(path)).length, sizeBytes + 70_000);
});

test('podfreight show kubelet  # a manifest that is no JSON hides no container archive', async (t) => {
  const cwd = await temporaryFolder(t);
  await writeKubeletArchives(join(cwd, 'kubelet'));
  await writeFile(join(cwd, 'kubelet/checkpointed.pods'), '{');
  const { stdout, stderr, code } = await podfreight(['show', 'kubelet'], { cwd });
  assert.deepEqual(rowsOf(stdout), [HEADER, API_ROW, COUNTER_ROW, WEB_ROW]);
  assert.match(stderr, /^podfreight: kubelet\/checkpointed\.pods is not a valid manifest: .*\n$/);
  assert.equal(code, 4);
});
