import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { NewFile } from '../../cli/new-file.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';

test('appears whole, with mode 0600, over an older file', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'file');
  await writeFile(path, 'old', { mode: 0o644 });
  await using file = await NewFile.create(path);
  await file.write(Buffer.from('new '));
  await file.write(Buffer.from('bytes'));
  assert.equal(await readFile(path, 'utf8'), 'old');
  await file.publish();
  assert.equal(await readFile(path, 'utf8'), 'new bytes');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ['file']);
});

test('leaves nothing behind when it is not published', async (t) => {
  const folder = await temporaryFolder(t);
  {
    await using file = await NewFile.create(join(folder, 'file'));
    await file.write(Buffer.from('half'));
  }
  assert.deepEqual(await readdir(folder), []);
});

test('refuses to replace what is not a regular file', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'folder'));
  await symlink('folder', join(folder, 'link'));
  for (const path of [join(folder, 'folder'), join(folder, 'link'), '/dev/null']) {
    await assert.rejects(NewFile.create(path), { code: 'unsupported' });
  }
  assert.deepEqual(await readdir(folder), ['folder', 'link']);
});

test('says so when the folder is missing', async (t) => {
  const path = join(await temporaryFolder(t), 'missing/file');
  await assert.rejects(NewFile.create(path), {
    code: 'not-found',
    message: `Cannot create ${path}: no such file or directory.`,
  });
});
