import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, rename, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileSource } from '../../cli/file-source.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';

const MIB = 1024 * 1024;

async function read(source: FileSource, start = 0, end = source.sizeBytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source.stream({ start, end })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('reads ranges and streams the same bytes', async (t) => {
  const path = join(await temporaryFolder(t), 'file');
  const bytes = Buffer.alloc(2.5 * MIB, 'podfreight');
  await writeFile(path, bytes);
  const source = await FileSource.open(path, 'refuse');
  t.after(() => source.close());
  assert.equal(source.name, path);
  assert.equal(source.sizeBytes, bytes.length);
  assert.deepEqual(await source.read({ start: 5, end: MIB + 7 }), bytes.subarray(5, MIB + 7));
  assert.deepEqual(await source.read({ start: 9, end: 9 }), Buffer.alloc(0));
  assert.ok((await read(source)).equals(bytes));
  assert.ok((await read(source, 3, 2 * MIB + 1)).equals(bytes.subarray(3, 2 * MIB + 1)));
});

for (const [how, change] of [
  ['grows', (path: string) => appendFile(path, 'more')],
  ['shrinks', (path: string) => truncate(path, 3)],
  ['gets other bytes of the same size', (path: string) => writeFile(path, 'BYTES')],
  ['gets another time', (path: string) => utimes(path, 1, 1)],
] as const) {
  test(`throws source-changed when the file ${how}`, async (t) => {
    const path = join(await temporaryFolder(t), 'file');
    await writeFile(path, 'bytes');
    await utimes(path, 1_600_000_000, 1_600_000_000);
    const source = await FileSource.open(path, 'refuse');
    t.after(() => source.close());
    await change(path);
    await assert.rejects(source.read({ start: 0, end: 5 }), { code: 'source-changed' });
    await assert.rejects(read(source), { code: 'source-changed' });
  });
}

test('goes on reading what it opened when the name gets another file', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'file'), 'bytes');
  const source = await FileSource.open(join(folder, 'file'), 'refuse');
  t.after(() => source.close());
  await writeFile(join(folder, 'other'), 'other');
  await rename(join(folder, 'other'), join(folder, 'file'));
  assert.equal((await read(source)).toString(), 'bytes');
});

test('opens regular files only, and links where that is wanted', async (t) => {
  const folder = await temporaryFolder(t);
  const at = (name: string) => join(folder, name);
  await writeFile(at('file'), 'bytes');
  await symlink('file', at('link'));
  await mkdir(at('folder'));
  execFileSync('mkfifo', [at('pipe')]);

  await (await FileSource.open(at('link'), 'follow')).close();
  await assert.rejects(FileSource.open(at('link'), 'refuse'), {
    code: 'unsupported',
    message: `Cannot open ${at('link')}: is a symbolic link, which is not followed.`,
  });
  await assert.rejects(FileSource.open(at('folder'), 'follow'), { code: 'unsupported', message: /is a directory\.$/ });
  await assert.rejects(FileSource.open(at('pipe'), 'follow'), {
    code: 'unsupported',
    message: /not a regular file\.$/,
  });
  await assert.rejects(FileSource.open('/dev/null', 'follow'), { code: 'unsupported' });
  await assert.rejects(FileSource.open(at('nothing'), 'follow'), {
    code: 'not-found',
    message: `Cannot open ${at('nothing')}: no such file or directory.`,
  });
});
