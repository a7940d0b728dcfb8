import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openForWriting } from '../../../cli/agent/open-writers.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

const NAME = 'checkpoint-a_b-c-2026-11-22T14:31:07Z.tar';

/** Another process that has the file open. */
async function opener(t: TestContext, path: string, flags: string): Promise<ChildProcess> {
  const code = `require('node:fs').openSync(process.argv[1], process.argv[2]); console.log('open'); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ['-e', code, path, flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

/** A /proc in which these processes are all there are; what is told of them is the kernel's own. */
async function procOf(t: TestContext, namespace: string, ...children: readonly ChildProcess[]): Promise<string> {
  const proc = await temporaryFolder(t);
  await mkdir(join(proc, 'self/ns'), { recursive: true });
  await symlink(namespace, join(proc, 'self/ns/pid'));
  for (const [i, { pid }] of children.entries()) await symlink(`/proc/${pid}`, join(proc, String(i + 1)));
  await writeFile(join(proc, 'meminfo'), '');
  return proc;
}

async function checkpoint(t: TestContext) {
  const path = join(await temporaryFolder(t), NAME);
  await writeFile(path, 'half of it');
  const { ino } = await stat(path, { bigint: true });
  return { path, files: new Map([[NAME, ino]]) };
}

const FIRST = 'pid:[4026531836]';

for (const [flags, written] of [
  ['r', []],
  ['r+', [NAME]],
  ['a', [NAME]],
] as const) {
  test(`a file that another process has open with ${flags}`, async (t) => {
    const { path, files } = await checkpoint(t);
    const proc = await procOf(t, FIRST, await opener(t, path, flags));
    assert.deepEqual([...(await openForWriting(files, proc))!], written);
  });
}

test('a file of the same name elsewhere is another one', async (t) => {
  const [one, other] = [await checkpoint(t), await checkpoint(t)];
  const proc = await procOf(t, FIRST, await opener(t, other.path, 'r+'));
  assert.equal((await openForWriting(one.files, proc))?.size, 0);
});

test('a process that has ended has nothing open', async (t) => {
  const { path, files } = await checkpoint(t);
  const [lives, ended] = [await opener(t, path, 'r'), await opener(t, path, 'r+')];
  const proc = await procOf(t, FIRST, lives, ended);
  ended.kill('SIGKILL');
  await once(ended, 'close');
  assert.equal((await openForWriting(files, proc))?.size, 0);
});

test('in a PID namespace of its own, or where the first process is hidden, nothing can be told', async (t) => {
  const { path, files } = await checkpoint(t);
  const child = await opener(t, path, 'r+');
  assert.equal(await openForWriting(files, await procOf(t, 'pid:[4026532000]', child)), undefined);
  assert.equal(await openForWriting(files, await procOf(t, FIRST)), undefined);
  assert.equal(await openForWriting(files, '/does/not/exist'), undefined);
});
