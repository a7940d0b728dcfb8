import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileLock } from '../../cli/landing/lock.ts';
import { until } from './agent.ts';
import { FIXTURES, notRoot, podfreight, start, temporaryFolder } from './podfreight.ts';

const NODE_A = join(FIXTURES, 'node-a.tar.zst');
const NODE_B = join(FIXTURES, 'node-b.tar.zst');
const REDIS = '833664a589456e661c84f6f5a4eaf962b49b5ec10462e9475e3c5fa9a6bc60cc';
const COUNTERS = '8bea2d9a602b6c6ddbe7205bcf56d40c2ed2a27f4862043a3d05e55f60595f7d';

/** What the first checkpointctl makes of node-a in an empty directory: it writes the manifest anew as well. */
const DIGESTS_A = {
  [`${REDIS}.tar`]: '39cd8cf84bee1b3a7debf322c6f3d8d15096769d898ad5146e16ded3f64467b3',
  [`${COUNTERS}.tar`]: '7b865a851e14ef3c22de6c0c77980c0f141df0a5b4d2051e187e5b7cb5e61954',
  'checkpointed.pods': '6317e6c07853edbf74f0bba9dff00e680808b437b6fe5111f1a57b314e597e29',
};

const UNVERIFIED = (name: string) =>
  `podfreight: warning: ${name} carries no digests; that its checkpoints are as they were made could not be verified.\n`;

/** SHA-256 of a directory's files by name, our own folder aside, in which nothing may be left. */
async function digests(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(directory)).sort()) {
    if (name === '.podfreight') {
      const left = (await readdir(join(directory, name))).filter((entry) => !entry.startsWith('lock'));
      assert.deepEqual(left, [], 'nothing is left of the staging');
    } else {
      found[name] = createHash('sha256')
        .update(await readFile(join(directory, name)))
        .digest('hex');
    }
  }
  return found;
}

async function podNames(directory: string): Promise<string[]> {
  const { stdout } = await podfreight(['show', '--json', directory]);
  const { pods } = JSON.parse(stdout) as { pods: { namespace: string; name: string; archiveFound: boolean }[] };
  assert.ok(pods.every((pod) => pod.archiveFound));
  return pods.map(({ namespace, name }) => `${namespace}/${name}`);
}

for (const target of ['node', './not/there/yet', 'ABSOLUTE']) {
  test(`podfreight insert -t ${target} -i node-a.tar.zst`, async (t) => {
    const cwd = await temporaryFolder(t);
    const given = target === 'ABSOLUTE' ? join(cwd, 'node') : target;
    assert.deepEqual(await podfreight(['insert', '-t', given, '-i', NODE_A], { cwd }), {
      stdout: '',
      stderr: UNVERIFIED(NODE_A),
      code: 0,
      signal: null,
    });
    const directory = given.startsWith('/') ? given : join(cwd, given);
    assert.deepEqual(await digests(directory), DIGESTS_A);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const name of Object.keys(DIGESTS_A)) {
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name);
    }
  });
}

test('podfreight insert --json -i node-b.tar.zst  # beside what is there, then once more', async (t) => {
  const cwd = await temporaryFolder(t);
  await podfreight(['insert', '-t', 'node', '-i', NODE_A], { cwd });
  const outcomes = async () => {
    const { stdout, stderr, code } = await podfreight(['insert', '-t', 'node', '-i', NODE_B, '--json'], { cwd });
    assert.deepEqual([stderr, code], [UNVERIFIED(NODE_B), 0]);
    const { pods, ...rest } = JSON.parse(stdout);
    assert.deepEqual(rest, { target: 'node', form: 'pods', dryRun: false, verified: false });
    return pods.map((pod: { name: string; outcome: string }) => `${pod.name} ${pod.outcome}`);
  };
  assert.deepEqual(await outcomes(), ['my-redis inserted', 'web inserted']);
  const both = await digests(join(cwd, 'node'));
  assert.deepEqual(await outcomes(), ['my-redis unchanged', 'web unchanged']);
  assert.deepEqual(await digests(join(cwd, 'node')), both);
  assert.deepEqual(await podNames(join(cwd, 'node')), [
    'default/my-redis',
    'default/counters',
    'default/my-redis',
    'edge/web',
  ]);
});

test('podfreight insert -i ours.tar.zst  # an archive with digests: no warning', async (t) => {
  const cwd = await temporaryFolder(t);
  await podfreight(['insert', '-t', 'node', '-i', NODE_A], { cwd });
  await podfreight(['extract', '-t', 'node', '-o', 'ours.tar.zst'], { cwd });
  const ended = await podfreight(['insert', '-t', 'copy', '-i', 'ours.tar.zst'], { cwd });
  assert.deepEqual(ended, { stdout: '', stderr: '', code: 0, signal: null });
  assert.deepEqual(await digests(join(cwd, 'copy')), DIGESTS_A);
});

test('podfreight insert --dry-run --pod default/counters', async (t) => {
  const cwd = await temporaryFolder(t);
  const line = ['insert', '-t', 'node', '-i', NODE_A, '--pod', 'default/counters'];
  const { stdout, code } = await podfreight([...line, '--dry-run'], { cwd });
  assert.equal(stdout, `inserted   default/counters  ${COUNTERS}\n`);
  assert.equal(code, 0);
  assert.deepEqual(await readdir(cwd), []);

  assert.equal((await podfreight(line, { cwd })).code, 0);
  assert.deepEqual(await podNames(join(cwd, 'node')), ['default/counters']);
});

test('podfreight insert --on-conflict refuse, skip and replace', async (t) => {
  const cwd = await temporaryFolder(t);
  const node = join(cwd, 'node');
  await podfreight(['insert', '-t', 'node', '-i', NODE_A], { cwd });
  await writeFile(join(node, `${COUNTERS}.tar`), 'another checkpoint');
  const other = await digests(node);

  const refused = await podfreight(['insert', '-t', 'node', '-i', NODE_A], { cwd });
  assert.equal(refused.stdout, '');
  assert.equal(
    refused.stderr,
    `podfreight: node has other checkpoints under the same SandboxID of default/counters (${COUNTERS}); nothing was inserted. Choose --on-conflict skip or --on-conflict replace.\n`,
  );
  assert.equal(refused.code, 8);
  assert.deepEqual(await digests(node), other);

  assert.equal((await podfreight(['insert', '-t', 'node', '-i', NODE_A, '--on-conflict', 'skip'], { cwd })).code, 0);
  assert.deepEqual(await digests(node), other);
  assert.equal((await podfreight(['insert', '-t', 'node', '-i', NODE_A, '--on-conflict', 'replace'], { cwd })).code, 0);
  assert.deepEqual(await digests(node), DIGESTS_A);
});

interface Failure {
  readonly line: string;
  readonly prepare?: (cwd: string) => Promise<unknown>;
  readonly message: string | RegExp;
  readonly code: number;
  readonly uid?: number;
}

const FAILURES: readonly Failure[] = [
  { line: 'insert -t node', message: 'Specifying an archive (-i|--input) is required.', code: 2 },
  { line: 'insert -t node -i missing', message: 'Cannot open missing: no such file or directory.', code: 3 },
  { line: 'insert -t node -i .', message: 'Cannot open .: is a directory.', code: 7 },
  {
    line: `insert -t node -i ${NODE_A} --pod my-redis`,
    message: `${NODE_A} has no pod my-redis; "podfreight show" lists them, to be given as namespace/name.`,
    code: 3,
  },
  {
    line: `insert -t node -i ${NODE_A} --on-conflict ask`,
    message: /argument 'ask' is invalid\. Allowed choices are refuse, skip, replace; see "podfreight insert --help"\.$/,
    code: 2,
  },
  {
    line: 'insert -t node -i cut  # an archive cut in the middle',
    prepare: async (cwd) => {
      await writeFile(join(cwd, 'cut'), await readFile(NODE_A));
      await truncate(join(cwd, 'cut'), 1_000_000);
    },
    message: /^The archive cut is refused: it ends early.*\.$/,
    code: 5,
  },
  {
    line: 'insert -t node -i cut  # ours, cut just before its end',
    prepare: async (cwd) => {
      await podfreight(['insert', '-t', 'source', '-i', NODE_A], { cwd });
      await podfreight(['extract', '-t', 'source', '-o', 'cut'], { cwd });
      await truncate(join(cwd, 'cut'), (await stat(join(cwd, 'cut'))).size - 1);
    },
    message: /^The archive cut is refused: .*\.$/,
    code: 5,
  },
  {
    line: 'insert -t node -i flipped  # ours, with one bit of a checkpoint flipped',
    prepare: async (cwd) => {
      await podfreight(['insert', '-t', 'source', '-i', NODE_A], { cwd });
      await podfreight(['extract', '-t', 'source', '-o', 'flipped', '-c', 'none'], { cwd });
      const bytes = await readFile(join(cwd, 'flipped'));
      bytes[5_000_000]! ^= 1;
      await writeFile(join(cwd, 'flipped'), bytes);
    },
    message: /^.*flipped.*\.$/,
    code: 6,
  },
  {
    line: 'insert -t node -i text  # not an archive',
    prepare: (cwd) => writeFile(join(cwd, 'text'), 'no archive '.repeat(100)),
    message: /^The archive text is refused: it is no checkpoint archive: no tar.*\.$/,
    code: 5,
  },
  {
    line: 'insert -t node -i hostile  # prevents a member from leaving the target',
    prepare: async (cwd) => {
      await writeFile(join(cwd, 'checkpointed.pods'), '{"CheckpointedPods": []}');
      await writeFile(join(cwd, 'canary'), 'canary');
      execFileSync('tar', ['-cf', 'hostile', '--transform=s,canary,../canary,', 'checkpointed.pods', 'canary'], {
        cwd,
      });
    },
    message: /^The archive hostile is refused: member "\.\.\/canary" .*\.$/,
    code: 5,
  },
  {
    line: `insert -t file -i ${NODE_A}`,
    prepare: (cwd) => writeFile(join(cwd, 'file'), ''),
    message: 'Cannot open file/checkpointed.pods: not a directory.',
    code: 3,
  },
  {
    line: `insert -t node -i ${NODE_A}  # the target's manifest is broken`,
    prepare: async (cwd) => {
      await mkdir(join(cwd, 'node'));
      await writeFile(join(cwd, 'node/checkpointed.pods'), '{"version": 0,');
    },
    message: /^node\/checkpointed\.pods is not a valid manifest: its JSON has .*\.$/,
    code: 4,
  },
  {
    line: `insert -t node -i ${NODE_A}  # a target that may not be written`,
    prepare: async (cwd) => {
      await mkdir(join(cwd, 'node'));
      await chmod(cwd, 0o755);
      await chmod(join(cwd, 'node'), 0o555);
    },
    ...notRoot(),
    message: 'Cannot write in node: permission denied.',
    code: 12,
  },
  {
    line: `insert -t /proc/podfreight -i ${NODE_A}`,
    message: 'Cannot create /proc/podfreight: no such file or directory.',
    code: 3,
  },
];

/** Everything below a folder but our own folders: names, and digests of files. */
async function tree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (path.includes('.podfreight')) continue;
    found[path] = entry.isFile() ? (await readFile(path)).toString('base64') : 'folder';
  }
  return found;
}

for (const { line, prepare, message, code, uid } of FAILURES) {
  test(`podfreight ${line.replace(`${FIXTURES}/`, '')}`, async (t) => {
    const cwd = await temporaryFolder(t);
    await prepare?.(cwd);
    const before = await tree(cwd);
    const args = line.replace(/ {2}#.*/, '').split(' ');
    const ended = await podfreight(args, { cwd, ...(uid !== undefined && { uid }) });
    assert.equal(ended.stdout, '');
    const said = ended.stderr.replace(/^podfreight: (.*)\n$/, '$1');
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
    assert.equal(ended.code, code);
    const after = await tree(cwd);
    if (before[join(cwd, 'node')] === undefined) delete after[join(cwd, 'node')]; // created, and empty
    assert.deepEqual(after, before, 'nothing half-written');
  });
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`podfreight insert -i node-a.tar.zst  # ${signal} while another insert holds the lock`, async (t) => {
    const cwd = await temporaryFolder(t);
    const node = join(cwd, 'node');
    await podfreight(['insert', '-t', 'node', '-i', NODE_B], { cwd });
    const before = await digests(node);
    using _ = await FileLock.take(join(node, '.podfreight/lock'), { waitMs: 0 });
    const busy = join(cwd, 'busy');
    const env = { NODE_OPTIONS: `--import=${join(import.meta.dirname, 'tell-busy.ts')}`, BUSY: busy };
    const { child, ended } = start(['insert', '-t', 'node', '-i', NODE_A], { cwd, env });
    await until('it waits for the lock', async () => existsSync(busy));
    child.kill(signal);
    assert.deepEqual(await ended, { stdout: '', stderr: `podfreight: Stopped by ${signal}.\n`, code, signal: null });
    assert.deepEqual(await digests(node), before);
  });
}
