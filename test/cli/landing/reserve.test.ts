import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { reserve } from '../../../cli/landing/reserve.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

const LARGE_BYTES = 80 * 1024 * 1024;
const MISSING = (() => {
  try {
    execFileSync('fallocate', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'util-linux has no fallocate here';
  }
})();

test('a large file has its blocks before its bytes', { skip: MISSING }, async (t) => {
  const path = join(await temporaryFolder(t), '--a b.tar');
  await writeFile(path, '');
  await reserve(path, LARGE_BYTES);
  const { size, blocks } = await stat(path);
  assert.equal(size, 0);
  assert.ok(blocks * 512 >= LARGE_BYTES, `${blocks} blocks`);
});

test('says so when there is less', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(
    join(folder, 'fallocate'),
    '#!/bin/sh\necho "fallocate: fallocate failed: No space left on device" >&2\nexit 1\n',
    { mode: 0o755 },
  );
  const before = process.env.PATH;
  process.env.PATH = folder;
  t.after(() => (process.env.PATH = before));
  await assert.rejects(reserve(join(folder, 'a.tar'), LARGE_BYTES), {
    code: 'no-space',
    message: /has no 80\.0 MiB left for it/,
  });
});

test('goes on where fallocate is missing', async (t) => {
  const path = join(await temporaryFolder(t), 'a.tar');
  const before = process.env.PATH;
  process.env.PATH = '/nowhere';
  t.after(() => (process.env.PATH = before));
  await reserve(path, LARGE_BYTES);
});
