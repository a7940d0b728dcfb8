import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopyingSource } from '../../cli/copying-source.ts';
import { ResumableFile } from '../../cli/resumable-file.ts';
import { PodfreightError } from '../../core/errors.ts';
import { MemorySource } from '../core/archive/memory-source.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';

const BYTES = Buffer.from('0123456789');

test('what is read is copied, once, and the rest after it', async (t) => {
  const path = join(await temporaryFolder(t), 'file');
  await writeFile(path, 'old');
  const source = new MemorySource(BYTES);
  await using file = await ResumableFile.create(path, 'identity');
  let copied = 0;
  const copying = new CopyingSource(source, file.data, (bytes) => (copied += bytes));
  for (const [start, end] of [
    [7, 9],
    [1, 4],
    [1, 4],
    [3, 5],
  ] as const) {
    const bytes = await copying.read({ start, end });
    assert.equal(bytes.toString(), BYTES.toString('latin1', start, end));
  }
  assert.equal(await readFile(path, 'utf8'), 'old');
  await copying.rest();
  assert.deepEqual(source.reads, [
    { start: 7, end: 9 },
    { start: 1, end: 4 },
    { start: 4, end: 5 },
    { start: 0, end: 1 },
    { start: 5, end: 7 },
    { start: 9, end: 10 },
  ]);
  await file.publish();
  assert.equal(await readFile(path, 'utf8'), BYTES.toString());
  assert.deepEqual(await readdir(join(path, '..')), ['file']);
});

test('cut off, it goes on where it was; with another identity it begins anew, and nothing else is touched', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'file');
  const bystanders = ['.file.0123456789abcdef.part.tar', '.file2.0123456789abcdef.part', '.file.short.part'];
  for (const name of bystanders) await mkdir(join(folder, name), { mode: 0o700 });
  const read = async (identity: string, end: unknown) => {
    const source = new MemorySource(BYTES);
    await using file = await ResumableFile.create(path, identity);
    await new CopyingSource(source, file.data, () => {}).read({ start: 2, end: 6 });
    await file.fail(end);
    return source.reads.length;
  };
  const cutOff = new PodfreightError('unreachable', 'gone');
  assert.equal(await read('one', cutOff), 1);
  assert.equal(await read('one', cutOff), 0);
  assert.equal(await read('other', cutOff), 1);
  assert.equal(await read('one', cutOff), 1);
  assert.equal(await read('one', new PodfreightError('corrupt-archive', 'damaged')), 0);
  assert.deepEqual((await readdir(folder)).sort(), bystanders.sort());
});

test('cut off again and again, and read in other pieces every time: each byte is fetched once', async (t) => {
  const folder = await temporaryFolder(t);
  const sizeBytes = 200;
  const content = Buffer.from(Array.from({ length: sizeBytes }, (_, i) => i));
  const piece = fc
    .tuple(fc.nat(sizeBytes), fc.nat(sizeBytes))
    .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
  const run = fc.record({ readBytes: fc.integer({ min: 1, max: 50 }), reads: fc.array(piece, { maxLength: 6 }) });
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 5 }), async (tries) => {
      const path = join(folder, `file-${runs++}`);
      const fetched = Array<number>(sizeBytes).fill(0);
      for (const [i, { readBytes, reads }] of tries.entries()) {
        const pace = { readBytes, windowBytes: readBytes };
        const source = Object.assign(new MemorySource(content), { pace });
        await using file = await ResumableFile.create(path, 'identity');
        const copying = new CopyingSource(source, file.data, () => {});
        for (const range of reads) {
          assert.deepEqual(await copying.read(range), content.subarray(range.start, range.end));
        }
        const isLast = i === tries.length - 1;
        if (isLast) await copying.rest();
        for (const { start, end } of source.reads) {
          assert.ok(end - start <= readBytes);
          for (let at = start; at < end; at++) fetched[at]! += 1;
        }
        if (isLast) await file.publish();
        else await file.fail(new PodfreightError('unreachable', 'gone'));
      }
      assert.deepEqual(fetched, Array<number>(sizeBytes).fill(1));
      assert.deepEqual(await readFile(path), content);
    }),
  );
});

test('a source that fails is told, and what others brought meanwhile stays', async (t) => {
  const path = join(await temporaryFolder(t), 'file');
  const failing = Object.assign(new MemorySource(BYTES), { pace: { readBytes: 2, windowBytes: 10 } });
  const read = failing.read.bind(failing);
  failing.read = async (range) => {
    if (range.start === 2) throw new PodfreightError('unreachable', 'gone');
    return read(range);
  };
  {
    await using file = await ResumableFile.create(path, 'identity');
    await assert.rejects(new CopyingSource(failing, file.data, () => {}).read({ start: 0, end: 10 }), {
      code: 'unreachable',
    });
  }
  const source = new MemorySource(BYTES);
  await using file = await ResumableFile.create(path, 'identity');
  await new CopyingSource(source, file.data, () => {}).rest();
  assert.deepEqual(source.reads, [{ start: 2, end: 4 }]);
});

test('two at once do not meet', async (t) => {
  const path = join(await temporaryFolder(t), 'file');
  await using first = await ResumableFile.create(path, 'identity');
  await using second = await ResumableFile.create(path, 'identity');
  assert.notEqual(first.data.path, second.data.path);
  for (const file of [first, second]) {
    await new CopyingSource(new MemorySource(BYTES), file.data, () => {}).rest();
    await file.publish();
  }
  assert.equal(await readFile(path, 'utf8'), BYTES.toString());
  assert.deepEqual(await readdir(join(path, '..')), ['file']);
});

test('in the place of what is no regular file it is refused', async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(ResumableFile.create(folder, 'identity'), { code: 'unsupported' });
});
