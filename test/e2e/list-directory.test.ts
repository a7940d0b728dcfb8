import assert from 'node:assert/strict';
import { copyFile, mkdir, rm, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { containerIdOf } from '../checkpoint-samples/container.ts';
import { COUNTER, writeKubeletArchives } from '../checkpoint-samples/node.ts';
import { makeNode, PODS } from './nodes.ts';
import { FIXTURES, podfreight, temporaryFolder } from './podfreight.ts';
import { rowsOf } from './table-rows.ts';

const HEADER = [
  ...['CHECKPOINTED', 'NAMESPACE', 'POD', 'CONTAINERS', 'ENGINE', 'SIZE', 'CHKPT SIZE', 'ROOT FS DIFF SIZE'],
  'ARCHIVE',
];

test("podfreight list kubelet  # a directory of today's kubelet, the newest first", async (t) => {
  const cwd = await temporaryFolder(t);
  const [api, counter, web] = await writeKubeletArchives(join(cwd, 'kubelet'));
  const { stdout, stderr, code } = await podfreight(['list', 'kubelet'], { cwd });
  const [header, ...rows] = rowsOf(stdout);
  assert.deepEqual(header, HEADER);
  assert.deepEqual(
    rows.map((row) => row.toSpliced(5, 3)),
    [
      ['2026-11-22T13:31:09Z', 'default', 'counters', 'web', 'CRI-O', web],
      ['2026-11-22T13:31:07Z', 'default', 'counters', 'counter', 'CRI-O', counter],
      ['2026-11-22T13:20:00Z', 'edge-eu', 'api', 'front', 'containerd', api],
    ],
  );
  assert.deepEqual(
    rows.slice(0, 2).map((row) => row.slice(5, 8)),
    [
      ['122.0 KiB', '86.7 KiB', ''],
      ['126.0 KiB', '86.7 KiB', '3.5 KiB'],
    ],
  );
  assert.deepEqual([stderr, code], ['', 0]);
});

test('podfreight list archives  # of other kinds', async (t) => {
  const cwd = await temporaryFolder(t);
  await mkdir(join(cwd, 'archives'));
  const packed = ['node-a.tar.zst', 'node-b.tar.zst', 'podman-counter.tar.zst', 'podman-redis.tar.zst'];
  for (const name of [...packed, 'podman-web.tar.gz'])
    await copyFile(join(FIXTURES, name), join(cwd, 'archives', name));
  const { stdout, stderr, code } = await podfreight(['list', 'archives'], { cwd });
  assert.deepEqual(rowsOf(stdout), [
    HEADER,
    [
      '2026-11-22T13:25:34Z',
      'default',
      'my-redis counters',
      'redis counter web',
      'CRI-O',
      '2.7 MiB',
      '',
      '',
      'node-a.tar.zst',
    ],
    ['2026-11-22T13:25:34Z', 'default edge', 'my-redis web', 'redis web', 'CRI-O', '2.7 MiB', '', '', 'node-b.tar.zst'],
    ['', '', '', 'counter', 'Podman', '26.4 KiB', '164.8 KiB', '2.0 KiB', 'podman-counter.tar.zst'],
    ['', '', '', 'redis', 'Podman', '2.5 MiB', '11.4 MiB', '', 'podman-redis.tar.zst'],
    ['', '', '', 'web', 'Podman', '25.2 KiB', '81.2 KiB', '', 'podman-web.tar.gz'],
  ]);
  assert.deepEqual([stderr, code], ['', 0]);
});

test('podfreight list node-a --json  # files of pods, and container archives beside them', async (t) => {
  const cwd = await temporaryFolder(t);
  const directory = await makeNode(cwd, 'node-a');
  const at = new Date('2026-11-22T13:21:00Z');
  for (const pod of [PODS.counters, PODS.redisOnA]) await utimes(join(directory, `${pod}.tar`), at, at);
  const [, counter] = await writeKubeletArchives(directory);
  const { stdout, stderr, code } = await podfreight(['list', 'node-a', '--json'], { cwd });
  const { directory: named, archives, failures } = JSON.parse(stdout);
  assert.deepEqual([named, failures, stderr, code], ['node-a', [], '', 0]);
  const lines = archives.map(({ file, kind, checkpointedAt }: Record<string, string>) => [kind, checkpointedAt, file]);
  assert.deepEqual(
    lines.map(([kind, time]: string[]) => `${kind} ${time}`),
    [
      'container 2026-11-22T13:31:09.000Z',
      'container 2026-11-22T13:31:07.123Z',
      'pod 2026-11-22T13:21:00.000Z',
      'pod 2026-11-22T13:21:00.000Z',
      'container 2026-11-22T13:20:00.000Z',
    ],
  );
  assert.deepEqual(
    lines.slice(2, 4).map(([, , file]: string[]) => file),
    [`${PODS.redisOnA}.tar`, `${PODS.counters}.tar`],
  );
  const [{ containerId, engine, file }] = archives[1].containers;
  assert.deepEqual([containerId, engine, file], [containerIdOf(COUNTER), 'cri-o', counter]);
  const pod = archives[3].containers.map(({ pod, container, image }: Record<string, string>) => [
    pod,
    container,
    image,
  ]);
  assert.deepEqual(pod, [
    ['counters', 'counter', 'quay.io/adrianreber/counter'],
    ['counters', 'web', 'localhost/web'],
  ]);
});

test('podfreight list node-a  # a pod without its file, and a broken archive: the rest is listed', async (t) => {
  const cwd = await temporaryFolder(t);
  const directory = await makeNode(cwd, 'node-a');
  const [api] = await writeKubeletArchives(directory);
  await rm(join(directory, `${PODS.redisOnA}.tar`));
  await truncate(join(directory, api!), 9000);
  const { stdout, stderr, code } = await podfreight(['list', 'node-a'], { cwd });
  assert.deepEqual(
    rowsOf(stdout).map((row) => row[3]),
    ['CONTAINERS', 'web', 'counter', 'counter web'],
  );
  assert.match(stderr, new RegExp(`warning: Cannot open node-a/${PODS.redisOnA}.tar: no such file or directory`));
  assert.match(stderr, /warning: The archive node-a\/checkpoint-api_\S+ is refused: it ends early/);
  assert.equal(code, 3);
});

test('podfreight list empty', async (t) => {
  const cwd = await temporaryFolder(t);
  await mkdir(join(cwd, 'empty'));
  const { stdout, stderr, code } = await podfreight(['list', 'empty'], { cwd });
  assert.deepEqual([rowsOf(stdout), stderr, code], [[HEADER], '', 0]);
});

for (const [line, message, code] of [
  ['list nowhere', 'Cannot list nowhere: no such file or directory.', 3],
  [`list ${join(FIXTURES, 'node-a.tar.zst')}`, /^Cannot list \S+: not a directory\.$/, 3],
  ['list . --pod default/web', '--pod is for the catalogue; leave it or . away.', 2],
  ['list . --limit 3', '--limit is for the catalogue; leave it or . away.', 2],
  ['list s3://a/b', 'A directory on this machine is listed; "podfreight show" looks at objects in S3.', 2],
] as const) {
  test(`podfreight ${line}`, async (t) => {
    const ended = await podfreight(line.split(' '), { cwd: await temporaryFolder(t) });
    const said = ended.stderr.replace(/^podfreight: (.*)\n$/, '$1');
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
    assert.deepEqual([ended.stdout, ended.code], ['', code]);
  });
}
