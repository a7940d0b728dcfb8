/**
 * Cuts the power of a real file system at the changes of inserts, and right after their end. Run by disks.test.ts:
 *
 *     unshare --mount node power-cut.ts ext4|xfs FOLDER
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVES_SCENARIOS, REPLACING_ARCHIVES } from './archives-scenarios.ts';
import { ANOTHER_ARCHIVE, ArchivesStage } from './archives-target.ts';
import { Disk } from './mounts.ts';
import { ANOTHER, SCENARIOS } from './scenarios.ts';
import { FULL, numbers, slice } from './slice.ts';
import { Stage } from './target.ts';
import { cutPower, trapped } from './trap.ts';

/** A slice has few cuts in few scenarios; the one after the end is always among them. */
const STRIDE = 25;
const CHOSEN = FULL
  ? SCENARIOS
  : SCENARIOS.filter(({ what }) => /missing directory|in place of other bytes, /.test(what));

const CHOSEN_ARCHIVES = FULL ? ARCHIVES_SCENARIOS : [REPLACING_ARCHIVES];

const [kind, folder] = process.argv.slice(2) as ['ext4' | 'xfs', string];
const figures = { scenarios: 0, cuts: 0, acknowledged: 0 };

const disk = await Disk.make(kind, folder);
await assertCutsAreReal(disk);
for (const scenario of CHOSEN) await cutAll(scenario.what, (at) => Stage.make(scenario, at), [ANOTHER]);
for (const scenario of CHOSEN_ARCHIVES) {
  await cutAll(scenario.what, (at) => ArchivesStage.make(scenario, at), ANOTHER_ARCHIVE);
}
process.stdout.write(JSON.stringify(figures));

/** What both kinds of trials can do; `Also` is what another insert brings. */
interface CutTrial<Also> {
  readonly cwd: string;
  readonly args: string[];
  insert(which: 'bundle' | 'another'): Promise<void>;
  assertWhole(): Promise<void>;
  assertListsAfter(): Promise<void>;
  assertBeforeOrAfter(also: Also): Promise<'before' | 'after'>;
  assertAfter(also: Also): Promise<void>;
}

async function cutAll<Also>(
  what: string,
  make: (at: string) => Promise<{ trial(name: string): Promise<CutTrial<Also>> }>,
  also: Also,
): Promise<void> {
  const at = join(disk.at, `${figures.scenarios}`);
  await mkdir(at);
  const stage = await make(at);
  const { calls } = await trapped((await stage.trial('unhurt')).args, { at: 0, action: 'log' });
  const afterTheEnd = Array<number>(FULL ? 4 : 1).fill(0);
  const steps = [...afterTheEnd, ...slice(numbers(calls.length), STRIDE, figures.scenarios * 7)];
  figures.scenarios += 1;
  for (const step of steps) {
    const trial = await stage.trial(`${step}`);
    disk.sync();
    const { code, stderr } = await trapped(trial.args, { at: step, action: { cut: disk.at } });
    disk.restart();
    figures.cuts += 1;
    try {
      if (step === 0) assert.equal(code, 0, stderr);
      await trial.assertWhole();
      if (code === 0) await trial.assertListsAfter();
      await trial.insert('another');
      const state = await trial.assertBeforeOrAfter(also);
      if (code === 0) assert.equal(state, 'after', 'was acknowledged');
      await trial.insert('bundle');
      await trial.assertAfter(also);
    } catch (cause) {
      throw new Error(`${what}, cut ${step === 0 ? 'after its end' : `before call ${step}`}`, { cause });
    }
    if (code === 0) figures.acknowledged += 1;
    await rm(trial.cwd, { recursive: true });
  }
  await rm(at, { recursive: true });
}

/** What nobody synced must be lost: otherwise the cuts prove nothing. */
async function assertCutsAreReal(disk: Disk): Promise<void> {
  const path = join(disk.at, 'unsynced');
  await writeFile(path, 'bytes');
  cutPower(disk.at);
  disk.restart();
  assert.notEqual(await readFile(path, 'utf8').catch(() => ''), 'bytes', 'a power cut must lose what is not synced');
}
