import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { ANOTHER, SCENARIOS } from './scenarios.ts';
import { numbers, sideBySide, slice } from './slice.ts';
import { Stage } from './target.ts';
import { KILLED, noTrap, trapped } from './trap.ts';

const STRIDE = 31;

/** Who comes after the killed insert: somebody else, or the same again. */
const NEXT = ['another', 'bundle'] as const;

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
