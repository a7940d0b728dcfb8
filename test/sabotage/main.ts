/**
 * Takes one safeguard after the other out of a copy of the project, and runs the tests that have to notice: each time the
 * suite must go red. `npm run test:sabotage`, or with parts of names: `npm run test:sabotage -- synced digests`.
 */
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startProgram } from '../e2e/podfreight.ts';
import { SABOTAGES } from './index.ts';
import type { Sabotage } from './sabotage.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A sabotage may make a test hang: that is red as well. */
const TEST_TIMEOUT_MS = 60_000;

const parts = process.argv.slice(2);
const sabotages = SABOTAGES.filter(
  ({ what, file }) => parts.length === 0 || parts.some((part) => `${file}: ${what}`.includes(part)),
);

const copy = await mkdtemp(join(tmpdir(), 'podfreight-sabotage-'));
await chmod(copy, 0o755); // some tests run as nobody
try {
  await copyProject(copy);
  const tests = [...new Set(sabotages.flatMap((sabotage) => sabotage.tests))];
  const healthy = await run(tests);
  if (!healthy.green) throw new Error(`Without any sabotage the tests are red:\n${healthy.output}`);

  const green: Sabotage[] = [];
  for (const [i, sabotage] of sabotages.entries()) {
    const noticed = await isNoticed(sabotage);
    if (!noticed) green.push(sabotage);
    console.log(`${i + 1}/${sabotages.length} ${noticed ? 'red  ' : 'GREEN'} ${sabotage.file}: ${sabotage.what}`);
  }
  console.log(`\n${sabotages.length} sabotages, ${sabotages.length - green.length} noticed.`);
  if (green.length > 0) process.exitCode = 1;
} finally {
  await rm(copy, { recursive: true, force: true });
}

async function isNoticed({ file, from, to, tests }: Sabotage): Promise<boolean> {
  const path = join(copy, file);
  const text = await readFile(path, 'utf8');
  await writeFile(
    path,
    text.replace(from, () => to),
  );
  try {
    return !(await run(tests)).green;
  } finally {
    await writeFile(path, text);
  }
}

async function run(tests: readonly string[]): Promise<{ green: boolean; output: string }> {
  const args = ['--test', '--test-reporter=dot', '--test-concurrency=2', `--test-timeout=${TEST_TIMEOUT_MS}`, ...tests];
  const { code, stdout, stderr } = await startProgram(process.execPath, args, { cwd: copy }).ended;
  return { green: code === 0, output: stdout + stderr };
}

/** What is committed, and what will be. */
async function copyProject(to: string): Promise<void> {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const file of listed.toString().split('\0').filter(Boolean)) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await cp(join(ROOT, file), join(to, file)).catch((error) => {
      if (error.code !== 'ENOENT') throw error; // deleted, and not committed yet
    });
  }
  await symlink(join(ROOT, 'node_modules'), join(to, 'node_modules'));
}
