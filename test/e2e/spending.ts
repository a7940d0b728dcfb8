import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { podfreight } from './podfreight.ts';
import type { Spent } from './spent.ts';

/**
 * Runs `podfreight <args>`, which must succeed and say nothing on stderr, and tells what it spent.
 * @param settings its environment
 */
export async function spending(
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Spent & { stdout: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'podfreight-spent-'));
  const env = {
    ...settings,
    SPENT: join(folder, 'spent'),
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'spent.ts')}`,
  };
  const { code, stdout, stderr } = await podfreight(args, { env });
  assert.deepEqual([code, stderr], [0, ''], args.join(' '));
  const spent: Spent = JSON.parse(await readFile(env.SPENT, 'utf8'));
  await rm(folder, { recursive: true });
  return { ...spent, stdout };
}
