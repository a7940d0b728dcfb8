import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FIXTURES, LAUNCHER, notRoot, podfreight, start, temporaryFolder } from './podfreight.ts';

const REDIS = '833664a589456e661c84f6f5a4eaf962b49b5ec10462e9475e3c5fa9a6bc60cc';
const COUNTERS = '8bea2d9a602b6c6ddbe7205bcf56d40c2ed2a27f4862043a3d05e55f60595f7d';

/** A folder with `node-a` in it, a kubelet directory. */
async function withNodeA(t: TestContext): Promise<string> {
  const cwd = await temporaryFolder(t);
  const { code } = await podfreight(['insert', '-t', 'node-a', '-i', join(FIXTURES, 'node-a.tar.zst')], { cwd });
  assert.equal(code, 0);
  return cwd;
}

/** Pods' files of a kubelet directory, by name. */
async function filesOf(directory: string): Promise<Map<string, Buffer>> {
  const names = (await readdir(directory)).filter((name) => name !== '.podfreight').sort();
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name))] as const)));
}

const EXTRACTING = '\nExtracting checkpoint data from node-a/checkpointed.pods\n\n';

for (const [flags, list] of [
  ['', ['tar', '--zstd', '-tf']],
  [' -c ZSTD', ['tar', '--zstd', '-tf']],
  [' -c=gzip', ['tar', '-z', '-tf']],
  [' --compress none', ['tar', '-tf']],
] as const) {
  test(`podfreight extract -t node-a -o out${flags}`, async (t) => {
    const cwd = await withNodeA(t);
    const line = `extract -t node-a -o out${flags}`;
    assert.deepEqual(await podfreight(line.split(' '), { cwd }), {
      stdout: EXTRACTING,
      stderr: '',
      code: 0,
      signal: null,
    });
    assert.equal((await stat(join(cwd, 'out'))).mode & 0o777, 0o600);
    assert.deepEqual((await readdir(cwd)).sort(), ['node-a', 'out']);
    const [program, ...args] = list;
    const names = execFileSync(program, [...args, 'out'], { cwd, encoding: 'utf8' })
      .trim()
      .split('\n');
    assert.deepEqual(names, ['checkpointed.pods', `${REDIS}.tar`, `${COUNTERS}.tar`]);

    assert.equal((await podfreight(['insert', '-t', 'copy', '-i', 'out'], { cwd })).code, 0);
    assert.deepEqual(await filesOf(join(cwd, 'copy')), await filesOf(join(cwd, 'node-a')));
  });
}

test('podfreight extract -o out  # the same checkpoints give the same bytes, over an older file', async (t) => {
  const cwd = await withNodeA(t);
  await writeFile(join(cwd, 'out'), 'old', { mode: 0o644 });
  assert.equal((await podfreight(['extract', '-t', 'node-a', '-o', 'out'], { cwd })).code, 0);
  assert.equal((await stat(join(cwd, 'out'))).mode & 0o777, 0o600);
  assert.equal((await podfreight(['insert', '-t', 'copy', '-i', 'out'], { cwd })).code, 0);
  assert.equal((await podfreight(['extract', '-t', 'copy', '-o', 'again'], { cwd })).code, 0);
  assert.ok((await readFile(join(cwd, 'out'))).equals(await readFile(join(cwd, 'again'))));
});

test('podfreight extract --pod default/counters --json -o out', async (t) => {
  const cwd = await withNodeA(t);
  const line = 'extract -t node-a --pod default/counters --json -o out';
  const { stdout, stderr, code } = await podfreight(line.split(' '), { cwd });
  const { sizeBytes, ...rest } = JSON.parse(stdout);
  assert.equal(sizeBytes, (await stat(join(cwd, 'out'))).size);
  assert.deepEqual(rest, {
    output: 'out',
    format: 'tar+zstd',
    pods: [{ sandboxId: COUNTERS, namespace: 'default', name: 'counters', sizeBytes: 409_600 }],
  });
  assert.deepEqual([stderr, code], ['', 0]);
  const names = execFileSync('tar', ['--zstd', '-tf', 'out'], { cwd, encoding: 'utf8' });
  assert.equal(names, `checkpointed.pods\n${COUNTERS}.tar\n`);
});

test('podfreight extract -o - | cmp - out', async (t) => {
  const cwd = await withNodeA(t);
  await podfreight(['extract', '-t', 'node-a', '-o', 'out'], { cwd });
  const child = spawn(process.execPath, [LAUNCHER, 'extract', '-t', 'node-a', '-o', '-'], { cwd });
  const compare = spawn('cmp', ['-', 'out'], { cwd, stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdout.pipe(compare.stdin);
  assert.deepEqual(await once(compare, 'close'), [0, null]);
});

test('podfreight extract -o - | true  # an archive that did not arrive is a failure', async (t) => {
  const cwd = await withNodeA(t);
  const { child, ended } = start(['extract', '-t', 'node-a', '-o', '-'], { cwd });
  child.stdout?.destroy();
  const { stderr, code } = await ended;
  assert.match(stderr, /^podfreight: [^\n]*: the reader closed the pipe\.\n$/);
  assert.equal(code, 16);
});

interface Failure {
  readonly line: string;
  readonly prepare?: (cwd: string) => Promise<unknown>;
  readonly message: string | RegExp;
  readonly code: number;
  readonly stdout?: string;
  readonly uid?: number;
}

const FAILURES: readonly Failure[] = [
  {
    line: 'extract -t node-a',
    message: 'Specifying an output file (-o|--output) is required.',
    code: 2,
  },
  {
    line: 'extract -t node-a -o out -c xz',
    message: 'Cannot compress with "xz"; --compress knows zstd, gzip and none.',
    code: 2,
  },
  {
    line: 'extract -t node-a -o - --json',
    message: /"message":"Cannot write an archive to stdout, which is for the JSON; name a file with --output\."/,
    code: 2,
  },
  { line: 'extract -t missing -o out', message: 'Cannot open missing: no such file or directory.', code: 3 },
  {
    line: 'extract -t node-a -o out --pod default/nobody',
    message: 'node-a has no pod default/nobody; "podfreight show" lists them, to be given as namespace/name.',
    code: 3,
  },
  {
    line: 'extract -t node-a -o out  # files missing',
    prepare: async (cwd) => {
      await rm(join(cwd, 'node-a', `${REDIS}.tar`));
      await rm(join(cwd, 'node-a', `${COUNTERS}.tar`));
    },
    message: `node-a/checkpointed.pods names files that are not in node-a: ${REDIS}.tar, ${COUNTERS}.tar.`,
    code: 3,
  },
  {
    line: 'extract -t node-a -o out  # prevents a link from leading out of the directory',
    prepare: async (cwd) => {
      await rm(join(cwd, 'node-a', `${REDIS}.tar`));
      await symlink('/etc/passwd', join(cwd, 'node-a', `${REDIS}.tar`));
    },
    message: `Cannot open node-a/${REDIS}.tar: is a symbolic link, which is not followed.`,
    code: 7,
  },
  {
    line: 'extract -t node-a -o out  # prevents a SandboxID from leading out of the directory',
    prepare: (cwd) =>
      writeFile(join(cwd, 'node-a/checkpointed.pods'), '{"CheckpointedPods": [{"SandboxID": "../../etc/passwd"}]}'),
    message: /^node-a\/checkpointed\.pods is not a valid manifest: CheckpointedPods\[0\] has the SandboxID /,
    code: 4,
  },
  {
    line: 'extract -t node-a -o missing/out',
    stdout: EXTRACTING,
    message: 'Cannot create missing/out: no such file or directory.',
    code: 3,
  },
  {
    line: 'extract -t node-a -o folder',
    prepare: (cwd) => mkdir(join(cwd, 'folder')),
    stdout: EXTRACTING,
    message: 'Cannot create folder: something that is not a regular file is there.',
    code: 7,
  },
  {
    line: 'extract -t node-a -o /dev/null',
    stdout: EXTRACTING,
    message: 'Cannot create /dev/null: something that is not a regular file is there.',
    code: 7,
  },
  {
    line: 'extract -t node-a -o out  # as somebody who may not read it',
    prepare: async (cwd) => {
      await chmod(cwd, 0o777);
      await chmod(join(cwd, 'node-a'), 0o755);
      await chmod(join(cwd, 'node-a/checkpointed.pods'), 0);
    },
    ...notRoot(),
    message: 'Cannot open node-a/checkpointed.pods: permission denied.',
    code: 12,
  },
];

for (const { line, prepare, message, code, stdout = '', uid } of FAILURES) {
  test(`podfreight ${line}`, async (t) => {
    const cwd = await withNodeA(t);
    await prepare?.(cwd);
    const before = (await readdir(cwd)).sort();
    const args = line.replace(/ {2}#.*/, '').split(' ');
    const ended = await podfreight(args, { cwd, ...(uid !== undefined && { uid }) });
    assert.equal(ended.stdout, stdout);
    const said = ended.stderr.replace(/^podfreight: (.*)\n$/, '$1');
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
    assert.equal(ended.code, code);
    assert.deepEqual((await readdir(cwd)).sort(), before, 'nothing half-written');
  });
}
