import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { land } from '../../cli/landing/land.ts';
import { fakeArchive } from '../cli/landing/fake-archive.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { ANOTHER, SCENARIOS, SWAPPING } from './scenarios.ts';
import { numbers, sideBySide, slice } from './slice.ts';
import { Stage } from './target.ts';
import { type Call, KILLED, noTrap, trapped } from './trap.ts';

const STRIDE = 31;

/** Who comes after the killed insert: somebody else, or the same again. */
const NEXT = ['another', 'bundle'] as const;

/** A trial, and what kills its insert just before the commitment. */
async function readyToDie(t: TestContext) {
  const stage = await Stage.make(SWAPPING, await temporaryFolder(t));
  const trial = await stage.trial('trial');
  const isCommitment = ({ name, path }: Call) => name === 'rename' && path.endsWith('/next');
  const { calls } = await trapped((await stage.trial('unhurt')).args, { at: 0, action: 'log' });
  const at = calls.find(isCommitment)!.index;
  const die = async () => assert.equal((await trapped(trial.args, { at, action: 'kill' })).code, KILLED);
  return { trial, die };
}

test('podfreight insert  # once more after it died with its bytes in place: they stay', {
  skip: noTrap(),
}, async (t) => {
  const { trial, die } = await readyToDie(t);
  await die();
  await trial.insert('bundle');
  await trial.insert('another'); // must find nothing to undo
  await trial.assertAfter([ANOTHER]);
});

test('podfreight insert  # dies while another one reads its archive: is undone before that one lands', {
  skip: noTrap(),
}, async (t) => {
  const { trial, die } = await readyToDie(t);
  const [old] = SWAPPING.before;
  const signal = new AbortController().signal;
  let reading: Promise<void> | undefined;
  const archive = fakeArchive([old!, ANOTHER], { before: () => (reading ??= die()) });
  const { pods } = await land({ archive, target: trial.target, onConflict: 'refuse', signal });
  assert.deepEqual(
    pods.map(({ outcome }) => outcome),
    ['unchanged', 'inserted'],
  );
  assert.equal(await trial.assertBeforeOrAfter([ANOTHER]), 'before');
});

for (const [i, scenario] of SCENARIOS.entries()) {
  test(`podfreight insert  # killed at its changes: ${scenario.what}`, { skip: noTrap() }, async (t) => {
    const stage = await Stage.make(scenario, await temporaryFolder(t));
    const unhurt = await stage.trial('unhurt');
    const { calls, code, stderr } = await trapped(unhurt.args, { at: 0, action: 'log' });
    assert.equal(code, 0, stderr);
    await unhurt.assertAfter();
    const outside = calls.filter(({ path }) => path !== unhurt.target && !path.startsWith(`${unhurt.target}/`));
    const syncs = outside.filter(({ name, path }) => name === 'fsync' && path === unhurt.cwd);
    assert.deepEqual(outside, syncs, 'nothing outside the target is changed');

    let kills = 0;
    let committed = 0;
    const points = numbers(calls.length).flatMap((at) => NEXT.map((next) => ({ at, next })));
    await sideBySide(slice(points, STRIDE, i * 7), async ({ at, next }) => {
      const trial = await stage.trial(`${at}-${next}`);
      const ended = await trapped(trial.args, { at, action: 'kill' });
      try {
        assert.equal(ended.code, KILLED, ended.stderr);
        kills += 1;
        await trial.assertWhole();
        await trial.insert(next);
        if (next === 'another' && (await trial.assertBeforeOrAfter([ANOTHER])) === 'after') committed += 1;
        await trial.insert('bundle');
        await trial.assertAfter(next === 'another' ? [ANOTHER] : []);
        await trial.insert('another'); // must find nothing to undo
        await trial.assertAfter([ANOTHER]);
      } catch (cause) {
        throw new Error(`killed before ${JSON.stringify(ended.calls.at(-1))}, then ${next}`, { cause });
      }
      await rm(trial.cwd, { recursive: true });
    });
    t.diagnostic(`${kills} kills at ${calls.length} calls; ${committed} had committed`);
  });
}
