import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { ANOTHER, BEHIND_A_DEAD_INSERT, REPLACING_EVERYTHING, SCENARIOS } from './scenarios.ts';
import { numbers, sideBySide, slice } from './slice.ts';
import { Stage, type Trial } from './target.ts';
import { type Call, type Errno, noTrap, type Trap, type TrappedEnd, trapped } from './trap.ts';

const STRIDE = 61;

interface Fault {
  readonly error: Errno;
  readonly fromThereOn: boolean;
  readonly set: NonNullable<Trap['set']>;
  readonly code: number;
}

const FAULTS: readonly Fault[] = [
  { error: 'EIO', fromThereOn: false, set: 'change', code: 16 },
  { error: 'EIO', fromThereOn: true, set: 'change', code: 16 },
  { error: 'ENOSPC', fromThereOn: false, set: 'change', code: 15 },
  { error: 'EROFS', fromThereOn: true, set: 'change', code: 12 },
  { error: 'EMFILE', fromThereOn: false, set: 'open', code: 16 },
  { error: 'EMFILE', fromThereOn: true, set: 'open', code: 16 },
  { error: 'EIO', fromThereOn: false, set: 'look', code: 16 },
];

/** What failed came behind the commitment. */
const IN_PLACE = /^podfreight: Everything is in place, but /;

const CHOSEN = /missing directory|the same once more|in place of other bytes, |killed just /;

/** Calls whose failure the slice of this test might miss, and what is said then. */
const BEHIND: readonly (readonly [what: string, find: (calls: readonly Call[]) => number, says: RegExp])[] = [
  [
    'the sync behind the commitment',
    (calls) => calls.findIndex(isRename('/next')) + 1,
    /^podfreight: Everything is in place, but may not survive a power cut; insert it again: Cannot sync /,
  ],
  [
    'the retirement of the staging',
    (calls) => calls.findIndex(isRename('/done-')),
    /^podfreight: Everything is in place, but clearing up failed: Cannot remove /,
  ],
  [
    'the sync of that retirement',
    (calls) => calls.findIndex(isRename('/done-')) + 1,
    /^podfreight: Everything is in place, but clearing up failed: Cannot sync /,
  ],
];

function isRename(piece: string): (call: Call) => boolean {
  return ({ name, path, path2 }) => name === 'rename' && (path.endsWith(piece) || path2.includes(piece));
}

for (const [what, find, says] of BEHIND) {
  test(`podfreight insert  # ${what} fails: it has landed, and says so`, { skip: noTrap() }, async (t) => {
    const folder = await temporaryFolder(t);
    const stage = await Stage.make(REPLACING_EVERYTHING, folder);
    const log = await trapped((await stage.trial('unhurt')).args, { at: 0, below: folder, action: 'log' });
    const call = log.calls[find(log.calls)]!;
    const trial = await stage.trial('trial');
    const ended = await trapped(trial.args, { at: call.index, below: folder, action: { error: 'EIO' } });
    assertSaidSo(ended, 16);
    assert.match(ended.stderr, says);
    await trial.assertListsAfter();
    if (call.name === 'fsync' && call.path.endsWith('/.podfreight')) await trial.assertAfter(); // nothing is left of it
    await assertRecovers(trial, true);
  });
}

test('podfreight insert  # clearing up behind a failure fails as well: the first one is told', {
  skip: noTrap(),
}, async (t) => {
  const folder = await temporaryFolder(t);
  const stage = await Stage.make(REPLACING_EVERYTHING, folder);
  const { calls } = await trapped((await stage.trial('unhurt')).args, { at: 0, below: folder, action: 'log' });
  const at = calls.find(({ name, path }) => name === 'write' && path.includes('/new/'))!.index;
  const trial = await stage.trial('trial');
  const ended = await trapped(trial.args, { at, below: folder, action: { error: 'EIO', fromThereOn: true } });
  assertSaidSo(ended, 16);
  assert.match(ended.stderr, /^podfreight: Cannot write .*\/new\/.*: input\/output error\.\n$/);
  await assertRecovers(trial, false);
});

test("podfreight insert  # a dead insert's folder cannot be listed: it is not taken for empty", {
  skip: noTrap(),
}, async (t) => {
  const folder = await temporaryFolder(t);
  const stage = await Stage.make(BEHIND_A_DEAD_INSERT, folder);
  const look = { set: 'look', below: folder } as const;
  const { calls } = await trapped((await stage.trial('unhurt')).args, { ...look, at: 0, action: 'log' });
  for (const kind of ['old', 'new']) {
    const at = calls.find(({ name, path }) => name === 'list' && path.endsWith(`/${kind}`))!.index;
    const trial = await stage.trial(kind);
    const ended = await trapped(trial.args, { ...look, at, action: { error: 'EIO' } });
    assertSaidSo(ended, 16);
    assert.match(ended.stderr, new RegExp(`^podfreight: Cannot read .*/${kind}: input/output error\\.\n$`));
    await assertRecovers(trial, false);
  }
});

for (const [i, scenario] of SCENARIOS.filter(({ what }) => CHOSEN.test(what)).entries()) {
  test(`podfreight insert  # system calls that fail: ${scenario.what}`, { skip: noTrap() }, async (t) => {
    const folder = await temporaryFolder(t);
    const stage = await Stage.make(scenario, folder);
    const count = { change: 0, open: 0, look: 0 };
    for (const set of ['change', 'open', 'look'] as const) {
      const { args } = await stage.trial(set);
      count[set] = (await trapped(args, { at: 0, set, below: folder, action: 'log' })).calls.length;
    }

    let failures = 0;
    let harmless = 0;
    const points = FAULTS.flatMap((fault) => numbers(count[fault.set]).map((at) => ({ ...fault, at })));
    await sideBySide(slice(points, STRIDE, i * 13), async ({ at, error, fromThereOn, set, code }) => {
      const trial = await stage.trial(`${set}-${at}-${error}-${fromThereOn}`);
      const ended = await trapped(trial.args, { at, set, below: folder, action: { error, fromThereOn } });
      const { name, flags } = ended.calls[at - 1]!;
      if (error === 'ENOSPC' && name === 'open' && (flags & constants.O_CREAT) === 0) return; // needs no space
      try {
        if (ended.code === 0) harmless += 1;
        else {
          failures += 1;
          assertSaidSo(ended, code);
          if (IN_PLACE.test(ended.stderr)) await trial.assertListsAfter();
          else if (!fromThereOn && !scenario.dead) await trial.assertUntouched();
        }
        await assertRecovers(trial, ended.code === 0);
      } catch (cause) {
        const where = `${error} at call ${at}${fromThereOn ? ' and from there on' : ''}`;
        throw new Error(`${where}: ${JSON.stringify(ended.calls[at - 1])} ${ended.stderr}`, { cause });
      }
      await rm(trial.cwd, { recursive: true });
    });
    t.diagnostic(`${failures} failures; ${harmless} faults did no harm`);
  });
}

function assertSaidSo({ code, stdout, stderr }: TrappedEnd, expected: number): void {
  assert.deepEqual([code, stdout], [expected, '']);
  assert.match(stderr, /^podfreight: [A-Z].*\.\n$/);
}

async function assertRecovers(trial: Trial, acknowledged: boolean): Promise<void> {
  await trial.assertWhole();
  await trial.insert('another');
  const state = await trial.assertBeforeOrAfter([ANOTHER]);
  if (acknowledged) assert.equal(state, 'after');
  await trial.insert('bundle');
  await trial.assertAfter([ANOTHER]);
}
