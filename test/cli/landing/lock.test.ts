import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileLock } from '../../../cli/landing/lock.ts';
import { notRoot, startProgram, temporaryFolder } from '../../e2e/podfreight.ts';

const MODULE = join(import.meta.dirname, '../../../cli/landing/lock.ts');

test('is held by one at a time, also within a process', async (t) => {
  const path = join(await temporaryFolder(t), 'a ?#%41 name');
  const lock = FileLock.tryTake(path, 'create');
  assert.ok(lock instanceof FileLock);
  assert.equal(FileLock.tryTake(path, 'create'), 'busy');
  assert.equal(FileLock.tryTake(path, 'report'), 'busy');
  lock[Symbol.dispose]();
  const again = FileLock.tryTake(path, 'report');
  assert.ok(again instanceof FileLock);
  again[Symbol.dispose]();
});

test('reports an absent file where it shall not create one', async (t) => {
  assert.equal(FileLock.tryTake(join(await temporaryFolder(t), 'lock'), 'report'), 'absent');
});

test('ends with the process that holds it, even when that is killed', async (t) => {
  const path = join(await temporaryFolder(t), 'lock');
  const script = `const { FileLock } = await import(${JSON.stringify(MODULE)});
    globalThis.lock = await FileLock.take(${JSON.stringify(path)}, { waitMs: 0 });
    console.log('held'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  await assert.rejects(FileLock.take(path, { waitMs: 20 }), { code: 'busy', message: /try again later\.$/ });
  const taken = FileLock.take(path, { waitMs: 30_000 });
  holder.kill('SIGKILL');
  (await taken)[Symbol.dispose]();
});

test('waiting ends when the command is to stop', async (t) => {
  const path = join(await temporaryFolder(t), 'lock');
  using _ = await FileLock.take(path, { waitMs: 0 });
  const controller = new AbortController();
  const waiting = FileLock.take(path, { waitMs: 60_000, signal: controller.signal });
  controller.abort(new Error('stop'));
  await assert.rejects(waiting, { message: 'stop' });
});

test('says which lock cannot be had', async (t) => {
  const path = join(await temporaryFolder(t), 'missing/lock');
  await assert.rejects(FileLock.take(path, { waitMs: 0 }), {
    code: 'not-found',
    message: `Cannot lock ${path}: no such file or directory.`,
  });
});

for (const [mode, whenAbsent] of [
  [0o444, 'create'],
  [0o444, 'report'],
  [0o000, 'report'],
] as const) {
  test(`prevents locking, or calling absent, a file of mode ${mode.toString(8)} (${whenAbsent})`, async (t) => {
    const folder = await temporaryFolder(t);
    await chmod(folder, 0o755);
    const path = join(folder, 'lock');
    await writeFile(path, '');
    await chmod(path, mode);
    const script = `const { FileLock } = await import(${JSON.stringify(MODULE)});
      try {
        console.log(FileLock.tryTake(${JSON.stringify(path)}, '${whenAbsent}'));
      } catch ({ code, message }) {
        console.log(code, message);
      }`;
    const args = ['--input-type=module', '-e', script];
    const { stdout, stderr } = await startProgram(process.execPath, args, notRoot()).ended;
    assert.deepEqual([stdout, stderr], [`access-denied Cannot lock ${path}: permission denied.\n`, '']);
  });
}
