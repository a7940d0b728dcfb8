import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tarOf, text } from '../checkpoint-samples/tar.ts';
import { writeSample } from '../checkpoint-samples/write.ts';
import { FIXTURES, podfreight, temporaryFolder } from './podfreight.ts';

const NODE_A = join(FIXTURES, 'node-a.tar.zst');
const REDIS = '833664a589456e661c84f6f5a4eaf962b49b5ec10462e9475e3c5fa9a6bc60cc';

/** What the first checkpointctl printed, with the path it would have printed here. */
function expected(name: string, path: string): string {
  return readFileSync(join(FIXTURES, `${name}.show.txt`), 'utf8').replace(/from .*/, `from ${path}`);
}

/** A folder with `node-a` in it, a kubelet directory. */
async function withNodeA(t: TestContext): Promise<string> {
  const cwd = await temporaryFolder(t);
  assert.equal((await podfreight(['insert', '-t', 'node-a', '-i', NODE_A], { cwd })).code, 0);
  return cwd;
}

function printed(stdout: string) {
  return { stdout, stderr: '', code: 0, signal: null };
}

for (const name of ['node-a', 'node-b']) {
  test(`podfreight show --show-pod-uid ${name}.tar.zst`, async () => {
    const path = join(FIXTURES, `${name}.tar.zst`);
    assert.deepEqual(await podfreight(['show', '--show-pod-uid', path]), printed(expected(name, path)));
  });
}

for (const line of ['-t node-a --show-pod-uid', '--target=./node-a/ --show-pod-uid=true', 'node-a --show-pod-uid']) {
  test(`podfreight show ${line}`, async (t) => {
    const cwd = await withNodeA(t);
    const ended = await podfreight(['show', ...line.split(' ')], { cwd });
    assert.deepEqual(ended, printed(expected('node-a', 'node-a/checkpointed.pods')));
    assert.deepEqual(await readdir(cwd), ['node-a']);
  });
}

test('podfreight show --show-pod-ip node-a  # one of its files missing', async (t) => {
  const cwd = await withNodeA(t);
  await rm(join(cwd, 'node-a', `${REDIS}.tar`));
  const { stdout, stderr, code } = await podfreight(['show', '--show-pod-ip', 'node-a'], { cwd });
  assert.match(stdout, /^\| my-redis \| default +\| redis +\| redis +\| false +\| 10\.85\.0\.7 \|$/m);
  assert.match(stdout, /^\| counters \| +\| counter +\| quay.io\/adrianreber\/counter \| true +\| 10\.85\.0\.8 \|$/m);
  assert.deepEqual([stderr, code], ['', 0]);
});

test('podfreight show --json node-a.tar.zst', async () => {
  const { stdout, stderr, code } = await podfreight(['show', '--json', NODE_A]);
  const { target, pods } = JSON.parse(stdout);
  assert.equal(target, NODE_A);
  assert.deepEqual(pods[0], {
    source: NODE_A,
    sandboxId: REDIS,
    namespace: 'default',
    name: 'my-redis',
    uid: '0b6e1f0e-5a39-4d2e-9a53-9d2f0a7f3c11',
    hostIP: '192.0.2.10',
    podIP: '10.85.0.7',
    podIPs: ['10.85.0.7'],
    archiveFound: true,
    containers: [
      {
        name: 'redis',
        id: '9f9075e7bb4cb16cf7670573667e8dc41cc7cd17f7ceb0ac646ffbe68fbc02ad',
        image: 'redis',
        restartCount: 0,
      },
    ],
  });
  assert.equal(pods.length, 2);
  assert.deepEqual([stderr, code], ['', 0]);
});

test('podfreight show empty  # a manifest without pods', async (t) => {
  const cwd = await temporaryFolder(t);
  await mkdir(join(cwd, 'empty'));
  await writeFile(join(cwd, 'empty/checkpointed.pods'), '{}');
  const { stdout, code } = await podfreight(['show', 'empty'], { cwd });
  const rule = '+-----+-----------+-----------+-------+---------------+';
  assert.equal(
    stdout,
    `\nDisplaying data from empty/checkpointed.pods\n\n${rule}\n| POD | NAMESPACE | CONTAINER | IMAGE | ARCHIVE FOUND |\n${rule}\n${rule}\n`,
  );
  assert.equal(code, 0);
});

test('podfreight show hostile  # prevents names from steering the terminal', async (t) => {
  const cwd = await temporaryFolder(t);
  await mkdir(join(cwd, 'hostile'));
  const pod = {
    'io.kubernetes.pod.name': '\u001b[2Jgone\u202e',
    Containers: [{ 'io.kubernetes.container.name': 'a\rb', Image: '\u009b31m' }],
  };
  await writeFile(join(cwd, 'hostile/checkpointed.pods'), JSON.stringify({ CheckpointedPods: [pod] }));
  for (const flag of [[], ['--json']]) {
    const { stdout, code } = await podfreight(['show', 'hostile', ...flag], { cwd });
    assert.match(stdout, /^[\n\x20-\x7e]*$/);
    assert.match(stdout, /gone/);
    assert.equal(code, 0);
  }
});

interface Failure {
  readonly line: string;
  readonly prepare?: (cwd: string) => Promise<unknown>;
  readonly message: string | RegExp;
  readonly code: number;
}

const FAILURES: readonly Failure[] = [
  { line: 'show missing', message: 'Cannot open missing: no such file or directory.', code: 3 },
  { line: 'show -t a b', message: 'Give the target once, not as b and as --target a.', code: 2 },
  {
    line: 'show empty  # a directory without checkpoints',
    prepare: (cwd) => mkdir(join(cwd, 'empty')),
    message: 'empty has no checkpoints: neither checkpointed.pods nor archives (*.tar, *.tar.gz, *.tar.zst).',
    code: 3,
  },
  {
    line: 'show broken  # a manifest that is no JSON',
    prepare: async (cwd) => {
      await mkdir(join(cwd, 'broken'));
      await writeFile(join(cwd, 'broken/checkpointed.pods'), '{"version": 0,');
    },
    message: /^broken\/checkpointed\.pods is not a valid manifest: its JSON has .*\.$/,
    code: 4,
  },
  {
    line: 'show linked  # a manifest that is a link',
    prepare: async (cwd) => {
      await mkdir(join(cwd, 'linked'));
      await symlink('/etc/passwd', join(cwd, 'linked/checkpointed.pods'));
    },
    message: 'Cannot open linked/checkpointed.pods: is a symbolic link, which is not followed.',
    code: 7,
  },
  {
    line: 'show cut.tar.zst  # an archive cut in the middle',
    prepare: async (cwd) => {
      await writeFile(join(cwd, 'cut.tar.zst'), await readFile(NODE_A));
      await truncate(join(cwd, 'cut.tar.zst'), 1_000_000);
    },
    message: /^The archive cut\.tar\.zst is refused: it ends early.*\.$/,
    code: 5,
  },
  {
    line: 'show text  # not an archive',
    prepare: (cwd) => writeFile(join(cwd, 'text'), 'no archive '.repeat(100)),
    message: /^The archive text is refused: it is no checkpoint archive: no tar.*\.$/,
    code: 5,
  },
  {
    line: 'show nothing  # an empty file',
    prepare: async (cwd) => (await open(join(cwd, 'nothing'), 'w')).close(),
    message: /^The archive nothing is refused: .*\.$/,
    code: 5,
  },
  {
    line: 'show other.tar  # a tar of another kind',
    prepare: (cwd) => writeSample(join(cwd, 'other.tar'), tarOf([{ name: 'readme', content: text('hello') }])),
    message:
      'The archive other.tar is refused: it has none of checkpointed.pods, pod.dump, config.dump, so it is no checkpoint archive.',
    code: 5,
  },
  { line: 'show s3://archives', message: '"s3://archives" names no object; say s3://bucket/key.', code: 2 },
];

for (const { line, prepare, message, code } of FAILURES) {
  test(`podfreight ${line}`, async (t) => {
    const cwd = await temporaryFolder(t);
    await prepare?.(cwd);
    const ended = await podfreight(line.replace(/ {2}#.*/, '').split(' '), { cwd });
    assert.equal(ended.stdout, '');
    const said = ended.stderr.replace(/^podfreight: (.*)\n$/, '$1');
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
    assert.equal(ended.code, code);
  });
}
