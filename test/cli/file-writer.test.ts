import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileWriter } from '../../cli/file-writer.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';

test('writes anywhere, also where the system takes less than it is given', async (t) => {
  const path = join(await temporaryFolder(t), 'file');
  await using handle = await open(path, 'w');
  const write = handle.write.bind(handle) as (bytes: Buffer, at: number, length: number, to: number) => unknown;
  const short = (bytes: Buffer, at: number, length: number, to: number) => write(bytes, at, Math.min(length, 3), to);
  const writer = new FileWriter(Object.assign(handle, { write: short }), `Cannot write ${path}`);
  await Promise.all([writer.write(Buffer.from('world!!'), 6), writer.write(Buffer.from('hello '), 0)]);
  await writer.settled();
  assert.equal(await readFile(path, 'utf8'), 'hello world!!');
});

test('brings much to disk while more is written, and says when that failed', async (t) => {
  const path = join(await temporaryFolder(t), 'file');
  await using handle = await open(path, 'w');
  const bytes = Buffer.alloc(40 * 1024 * 1024);
  let syncs = 0;
  const sync = async () => {
    syncs += 1;
    if (syncs === 2) throw Object.assign(new Error('i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
  };
  const writer = new FileWriter(handle, 'Cannot write it', sync);
  await writer.write(bytes, 0);
  assert.equal(syncs, 0);
  await writer.write(bytes, 0);
  assert.equal(syncs, 1);
  await writer.settled();
  for (let i = 0; i < 2; i++) await writer.write(bytes, 0);
  await assert.rejects(writer.settled(), { code: 'io', message: 'Cannot write it: input/output error.' });
});
