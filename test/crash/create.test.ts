import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { REPLACING_EVERYTHING, SCENARIOS } from './scenarios.ts';
import { Stage } from './target.ts';
import { type Call, noTrap, trapped } from './trap.ts';

const skip = noTrap();
const { O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** Whoever guesses a name in time must gain nothing: no file that is there is opened, no link followed, nothing is readable. */
function assertCreatesStrictly(calls: readonly Call[], least: number): void {
  const files = calls.filter(({ name, flags }) => name === 'open' && (flags & O_CREAT) !== 0);
  assert.ok(files.length >= least, `${files.length} files`);
  for (const { path, flags, mode } of files) {
    assert.equal(flags & (O_CREAT | O_EXCL | O_NOFOLLOW), O_CREAT | O_EXCL | O_NOFOLLOW, path);
    assert.equal(mode, 0o600, path);
  }
  for (const { path, mode } of calls.filter(({ name }) => name === 'mkdir')) assert.equal(mode, 0o700, path);
  assert.deepEqual(
    calls.filter(({ name }) => /^(chmod|truncate|symlink)$/.test(name)),
    [],
    'made as they shall be',
  );
}

for (const scenario of [SCENARIOS[0]!, REPLACING_EVERYTHING]) {
  test(`podfreight insert  # creates files that were not there: ${scenario.what}`, { skip }, async (t) => {
    const stage = await Stage.make(scenario, await temporaryFolder(t));
    const { calls, code } = await trapped((await stage.trial('trial')).args, { at: 0, action: 'log' });
    assert.equal(code, 0);
    assertCreatesStrictly(calls, 3);
  });
}

test('podfreight extract  # creates a file that was not there', { skip }, async (t) => {
  const stage = await Stage.make(REPLACING_EVERYTHING, await temporaryFolder(t));
  const { target, cwd } = await stage.trial('trial');
  const args = ['extract', '-t', target, '-o', join(cwd, 'out')];
  const { calls, code } = await trapped(args, { at: 0, action: 'log' });
  assert.equal(code, 0);
  assertCreatesStrictly(calls, 1);
});
