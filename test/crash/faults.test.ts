import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { ANOTHER, SCENARIOS, type Scenario } from './scenarios.ts';
import { numbers, sideBySide, slice } from './slice.ts';
import { Stage, type Trial } from './target.ts';
import { type Errno, noTrap, type Trap, type TrappedEnd, trapped } from './trap.ts';

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
];

const CHOSEN = /missing directory|the same once more|in place of other bytes, |just before its commitment/;

for (const [i, scenario] of SCENARIOS.filter(({ what }) => CHOSEN.test(what)).entries()) {
  test(`podfreight insert  # system calls that fail: ${scenario.what}`, { skip: noTrap() }, async (t) => {
    const folder = await temporaryFolder(t);
    const stage = await Stage.make(scenario, folder);
    const count = { change: 0, open: 0 };
    for (const set of ['change', 'open'] as const) {
      const { args } = await stage.trial(set);
      count[set] = (await trapped(args, { at: 0, set, below: folder, action: 'log' })).calls.length;
    }

    let failures = 0;
    let harmless = 0;
    const points = FAULTS.flatMap((fault) => numbers(count[fault.set]).map((at) => ({ ...fault, at })));
    await sideBySide(slice(points, STRIDE, i * 13), async ({ at, error, fromThereOn, set, code }) => {
      const trial = await stage.trial(`${set}-${at}-${error}-${fromThereOn}`);
      const ended = await trapped(trial.args, { at, set, below: folder, action: { error, fromThereOn } });
      try {
        if (ended.code === 0) harmless += 1;
        else {
          failures += 1;
          assertSaidSo(ended, code);
          if (!fromThereOn && isUncommitted(ended, scenario)) await trial.assertUntouched();
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
  const isLock = stderr.startsWith('podfreight: Cannot lock '); // SQLite does not always tell why
  assert.deepEqual([isLock && code === 16 ? expected : code, stdout], [expected, '']);
  assert.match(stderr, /^podfreight: [A-Z].*\.\n$/);
}

/** A failure that left nothing to be undone by the next insert. */
function isUncommitted({ calls }: TrappedEnd, { dead }: Scenario): boolean {
  const renames = calls.filter(({ name, result }) => name === 'rename' && result === 0);
  return !dead && !renames.some(({ path, path2 }) => path.endsWith('/next') || path2.includes('/done-'));
}

async function assertRecovers(trial: Trial, acknowledged: boolean): Promise<void> {
  await trial.assertWhole();
  await trial.insert('another');
  const state = await trial.assertBeforeOrAfter([ANOTHER]);
  if (acknowledged) assert.equal(state, 'after');
  await trial.insert('bundle');
  await trial.assertAfter([ANOTHER]);
}
