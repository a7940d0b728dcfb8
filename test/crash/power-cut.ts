/**
 * Cuts the power of a real file system at the changes of inserts, and right after their end. Run by disks.test.ts:
 *
 *     unshare --mount node power-cut.ts ext4|xfs FOLDER
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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

const [kind, folder] = process.argv.slice(2) as ['ext4' | 'xfs', string];
const figures = { cuts: 0, acknowledged: 0 };

const disk = await Disk.make(kind, folder);
await assertCutsAreReal(disk);
for (const [i, scenario] of CHOSEN.entries()) {
  const at = join(disk.at, `${i}`);
  await mkdir(at);
  const stage = await Stage.make(scenario, at);
  const { calls } = await trapped((await stage.trial('unhurt')).args, { at: 0, action: 'log' });
  const afterTheEnd = Array<number>(FULL ? 4 : 1).fill(0);
  const steps = [...afterTheEnd, ...slice(numbers(calls.length), STRIDE, i * 7)];
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
      const state = await trial.assertBeforeOrAfter([ANOTHER]);
      if (code === 0) assert.equal(state, 'after', 'was acknowledged');
      await trial.insert('bundle');
      await trial.assertAfter([ANOTHER]);
    } catch (cause) {
      throw new Error(`${scenario.what}, cut ${step === 0 ? 'after its end' : `before call ${step}`}`, { cause });
    }
    if (code === 0) figures.acknowledged += 1;
    await rm(trial.cwd, { recursive: true });
  }
  await rm(at, { recursive: true });
}
process.stdout.write(JSON.stringify(figures));

/** What nobody synced must be lost: otherwise the cuts prove nothing. */
async function assertCutsAreReal(disk: Disk): Promise<void> {
  const path = join(disk.at, 'unsynced');
  await writeFile(path, 'bytes');
  cutPower(disk.at);
  disk.restart();
  assert.notEqual(await readFile(path, 'utf8').catch(() => ''), 'bytes', 'a power cut must lose what is not synced');
}
