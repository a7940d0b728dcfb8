import assert from 'node:assert/strict';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openForWriting } from '../../cli/open-writers.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { FIRST, opener, procOf } from './agent/processes.ts';

const NAME = 'checkpoint-a_b-c-2026-11-22T14:31:07Z.tar';

async function checkpoint(t: TestContext) {
  const path = join(await temporaryFolder(t), NAME);
  await writeFile(path, 'half of it');
  const { ino } = await stat(path, { bigint: true });
  return { path, files: new Map([[NAME, ino]]) };
}

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
  await ended.kill('SIGKILL');
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
