import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { ARCHIVES_SCENARIOS, REPLACING_ARCHIVES } from './archives-scenarios.ts';
import { ANOTHER_ARCHIVE, type ArchivesScenario, ArchivesStage } from './archives-target.ts';
import { gambles } from './order.ts';
import { numbers, sideBySide, slice } from './slice.ts';
import { KILLED, noTrap, trapped } from './trap.ts';

const STRIDE = 41;
const skip = noTrap();

/** Who comes after the killed insert: somebody else, or the same again. */
const NEXT = ['another', 'bundle'] as const;

for (const [i, scenario] of ARCHIVES_SCENARIOS.entries()) {
  test(`podfreight insert  # killed at its changes: ${scenario.what}`, { skip }, async (t) => {
    const stage = await ArchivesStage.make(scenario, await temporaryFolder(t));
    const unhurt = await stage.trial('unhurt');
    const { calls, code, stderr } = await trapped(unhurt.args, { at: 0, action: 'log' });
    assert.equal(code, 0, stderr);
    await unhurt.assertAfter();
    assert.deepEqual(gambles(calls, { target: unhurt.target, files: filesOf(scenario) }), []);

    const counts = { before: 0, after: 0 };
    const points = numbers(calls.length).flatMap((at) => NEXT.map((next) => ({ at, next })));
    await sideBySide(slice(points, STRIDE, i * 7), async ({ at, next }) => {
      const trial = await stage.trial(`${at}-${next}`);
      const ended = await trapped(trial.args, { at, action: 'kill' });
      try {
        assert.equal(ended.code, KILLED, ended.stderr);
        await trial.assertWhole();
        await trial.insert(next);
        if (next === 'another') counts[await trial.assertBeforeOrAfter(ANOTHER_ARCHIVE)] += 1;
        await trial.insert('bundle');
        await trial.assertAfter(next === 'another' ? ANOTHER_ARCHIVE : {});
        await trial.insert('another'); // must find nothing to undo
        await trial.assertAfter(ANOTHER_ARCHIVE);
      } catch (cause) {
        throw new Error(`killed before ${JSON.stringify(ended.calls.at(-1))}, then ${next}`, { cause });
      }
      await rm(trial.cwd, { recursive: true });
    });
    t.diagnostic(`${calls.length} calls; before ${counts.before}, after ${counts.after}`);
  });
}

test('podfreight insert  # of archives: without any one of its syncs it would leave something to chance', {
  skip,
}, async (t) => {
  const stage = await ArchivesStage.make(REPLACING_ARCHIVES, await temporaryFolder(t));
  const { target, args } = await stage.trial('trial');
  const { calls } = await trapped(args, { at: 0, action: 'log' });
  const promised = { target, files: filesOf(REPLACING_ARCHIVES) };
  // The one behind the commitment is for what may still fail then: see below.
  const committed = calls.findIndex(({ name, path }) => name === 'unlink' && path.endsWith('/after')) + 1;
  const syncs = calls.filter(({ name }, i) => name === 'fsync' && i !== committed);
  assert.ok(syncs.length >= 12, `only ${syncs.length} syncs`);
  for (const sync of syncs) {
    const rest = calls.filter((call) => call !== sync);
    assert.notDeepEqual(gambles(rest, promised), [], `without the sync of ${sync.path}`);
  }
});

for (const [what, find, code, says] of [
  [
    'a link of its files',
    (name: string, path: string) => name === 'link' && path.includes('metrics'),
    16,
    /^podfreight: Cannot create /,
  ],
  [
    'its commitment',
    (name: string, path: string) => name === 'unlink' && path.endsWith('/after'),
    16,
    /^podfreight: Cannot remove /,
  ],
] as const) {
  test(`podfreight insert  # of archives: ${what} fails, and nothing is left of it`, { skip }, async (t) => {
    const stage = await ArchivesStage.make(REPLACING_ARCHIVES, await temporaryFolder(t));
    const { calls } = await trapped((await stage.trial('unhurt')).args, { at: 0, action: 'log' });
    const at = calls.find(({ name, path }) => find(name, path))!.index;
    const trial = await stage.trial('trial');
    const ended = await trapped(trial.args, { at, action: { error: 'EIO' } });
    assert.match(ended.stderr, says);
    assert.equal(ended.code, code);
    assert.equal(await trial.assertBeforeOrAfter(), 'before');
    await trial.insert('bundle');
    await trial.assertAfter();
  });
}

test('podfreight insert  # of archives: the sync behind the commitment fails: it has landed, and says so', {
  skip,
}, async (t) => {
  const stage = await ArchivesStage.make(REPLACING_ARCHIVES, await temporaryFolder(t));
  const { calls } = await trapped((await stage.trial('unhurt')).args, { at: 0, action: 'log' });
  const at = calls.find(({ name, path }) => name === 'unlink' && path.endsWith('/after'))!.index + 1;
  const trial = await stage.trial('trial');
  const ended = await trapped(trial.args, { at, action: { error: 'EIO' } });
  assert.match(ended.stderr, /^podfreight: Everything is in place, but may not survive a power cut; insert it again: /);
  assert.equal(ended.code, 16);
  await trial.assertAfter();
});

/** What the insert answers for: all that is there after it, but what nobody inserted. */
function filesOf({ after }: ArchivesScenario): string[] {
  return Object.keys(after).filter((name) => name !== 'kept.tar');
}
