import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pod } from '../cli/pods.ts';
import { writeBundle } from '../e2e/bundle.ts';
import { Cloud } from '../e2e/cloud.ts';
import { podfreight, temporaryFolder } from '../e2e/podfreight.ts';
import { numbers, slice } from './slice.ts';
import { KILLED, noTrap, type Trap, trapped } from './trap.ts';

/** A pull takes a while to start. */
const STRIDE = { extract: 2, pull: 7 };

const skip = noTrap();
const PODS = ['x', 'y'].map((id) => ({ entry: pod(id), text: `bytes of ${id} `.repeat(1000) }));

const WAYS: readonly { readonly action: Trap['action']; readonly code: number }[] = [
  { action: { error: 'EIO' }, code: 16 },
  { action: { error: 'ENOSPC' }, code: 15 },
  { action: 'kill', code: KILLED },
];

/**
 * Writes `out` again and again over an old one, failing at one call after the other.
 * @returns how often it failed
 */
async function failEverywhere(folder: string, args: readonly string[], stride: number, env = {}): Promise<number> {
  const cwd = join(folder, 'cwd');
  const out = join(cwd, 'out');
  const run = async (trap: Trap) => {
    await rm(cwd, { recursive: true, force: true });
    await mkdir(cwd);
    await writeFile(out, 'old');
    return trapped([...args, '-o', out], { below: cwd, ...trap }, { env });
  };
  const unhurt = await run({ at: 0, action: 'log' });
  assert.equal(unhurt.code, 0, unhurt.stderr);
  const whole = await readFile(out);

  let failures = 0;
  const points = WAYS.flatMap((way) => numbers(unhurt.calls.length).map((at) => ({ ...way, at })));
  for (const { action, code, at } of slice(points, stride, 0)) {
    const ended = await run({ at, action });
    const { name, flags } = ended.calls[at - 1]!;
    if (code === 15 && name === 'open' && (flags & constants.O_CREAT) === 0) continue; // needs no space
    const where = `${JSON.stringify(action)} at ${JSON.stringify(ended.calls.at(at - 1))}`;
    assert.equal(ended.code, code, `${where}: ${ended.stderr}`);
    if (action !== 'kill') assert.match(ended.stderr, /^podfreight: Cannot [^\n]*\.\n$/, where);
    const renamed = ended.calls.some(({ name, result }) => name === 'rename' && result === 0);
    assert.deepEqual(await readFile(out), renamed ? whole : Buffer.from('old'), where);
    const beside = (await readdir(cwd)).filter((name) => name !== 'out');
    for (const name of beside) {
      assert.ok(
        action === 'kill' && /^\.out\.([0-9a-f]{12}|[0-9a-f]{16})\.part$/.test(name),
        `${where}: ${name} is left`,
      );
      const stats = await stat(join(cwd, name)); // a folder is what a pull can go on with
      assert.equal(stats.mode & 0o777, stats.isDirectory() ? 0o700 : 0o600);
    }
    failures += 1;
  }
  return failures;
}

test('podfreight extract -o FILE  # killed or failing at each change: the old file, or the whole new one', {
  skip,
}, async (t) => {
  const folder = await temporaryFolder(t);
  await writeBundle(join(folder, 'bundle'), PODS);
  await podfreight(['insert', '-t', join(folder, 'node'), '-i', join(folder, 'bundle')]);
  const failures = await failEverywhere(folder, ['extract', '-t', join(folder, 'node')], STRIDE.extract);
  t.diagnostic(`${failures} failures`);
});

describe('podfreight pull', { skip }, () => {
  const cloud = new Cloud();

  test('podfreight pull -o FILE  # killed or failing at changes: the old file, or the whole new one', async (t) => {
    await writeBundle(join(cloud.folder, 'bundle'), PODS);
    await cloud.put(cloud.bundles, 'bundle.tar.zst', await readFile(join(cloud.folder, 'bundle')));
    const args = ['pull', `s3://${cloud.bundles}/bundle.tar.zst`];
    const failures = await failEverywhere(cloud.folder, args, STRIDE.pull, cloud.stack.environment);
    t.diagnostic(`${failures} failures`);
  });
});
