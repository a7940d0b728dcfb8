/**
 * Inserts into file systems of many sizes, most of them too small. Run by disks.test.ts:
 *
 *     unshare --mount node full-disk.ts FOLDER
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { podfreight } from '../e2e/podfreight.ts';
import { ANOTHER, SCENARIOS } from './scenarios.ts';
import { numbers, slice } from './slice.ts';
import { Stage } from './target.ts';

const STRIDE = 13;
const PAGE = 4096;
const CHOSEN = SCENARIOS.filter(({ what }) =>
  /missing directory|^from an archive|in place of other bytes, /.test(what),
);

const [folder = ''] = process.argv.slice(2);
const figures = { sizes: 0, tooSmall: 0 };

for (const [i, scenario] of CHOSEN.entries()) {
  await mkdir(join(folder, `${i}`));
  const stage = await Stage.make(scenario, join(folder, `${i}`));
  for (const option of slice([...pages(), ...inodes()], STRIDE, i * 5)) await insertWhere(stage, option);
}
process.stdout.write(JSON.stringify(figures));

/** Pages: each of the first ones, which are too few for the folders and the manifest; then up to where the pods fit. */
function pages(): string[] {
  return [...numbers(24), ...numbers(40).map((i) => 25 * i)].map((pages) => `size=${pages * PAGE}`);
}

/** Files and folders, however small. */
function inodes(): string[] {
  return numbers(28).map((i) => `nr_inodes=${i + 1}`);
}

async function insertWhere(stage: Stage, option: string): Promise<void> {
  const at = join(folder, 'small');
  await mkdir(at, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', option, 'none', at]);
  try {
    const trial = await stage.trial('trial', at).catch(() => undefined);
    if (trial === undefined) return; // has not even room for what was there before
    figures.sizes += 1;
    const { code, stdout, stderr } = await podfreight(trial.args);
    if (code !== 0) {
      figures.tooSmall += 1;
      assert.deepEqual([code, stdout], [15, '']);
      assert.match(stderr, /^podfreight: [A-Z].*\.\n$/);
      await trial.assertUntouched();
    }
    await trial.assertWhole();
    execFileSync('mount', ['-o', 'remount,size=64m,nr_inodes=1000', at]);
    await trial.insert('another');
    assert.equal(await trial.assertBeforeOrAfter([ANOTHER]), code === 0 ? 'after' : 'before');
    await trial.insert('bundle');
    await trial.assertAfter([ANOTHER]);
  } catch (cause) {
    throw new Error(`${stage.scenario.what}, ${option}`, { cause });
  } finally {
    execFileSync('umount', [at]);
  }
}
