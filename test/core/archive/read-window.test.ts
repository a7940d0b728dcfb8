import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rangeSource } from '../../../core/archive/range-source.ts';
import { ReadWindow } from '../../../core/archive/read-window.ts';
import { MemorySource } from './memory-source.ts';
import { content } from './sample.ts';

const MIB = 1024 * 1024;
const BYTES = content(4 * MIB);

const ranges = fc.array(
  fc
    .tuple(fc.nat(BYTES.length), fc.oneof(fc.nat(600), fc.nat(300_000)))
    .map(([start, length]) => ({ start, end: Math.min(start + length, BYTES.length) })),
  { maxLength: 40 },
);

test('every read gives the bytes of its range, one after the other or several at once', async () => {
  await fc.assert(
    fc.asyncProperty(ranges, fc.boolean(), async (wanted, atOnce) => {
      const window = new ReadWindow(new MemorySource(BYTES));
      const read = async ({ start, end }: { start: number; end: number }) => {
        assert.ok((await window.read({ start, end })).equals(BYTES.subarray(start, end)), `[${start}, ${end})`);
      };
      if (atOnce) await Promise.all(wanted.map(read));
      else for (const range of wanted) await read(range);
    }),
    { numRuns: 50 },
  );
});

test('a run of small reads takes few of the source', async () => {
  const source = new MemorySource(BYTES);
  const window = new ReadWindow(source);
  for (let start = 0; start < MIB; start += 1024) await window.read({ start, end: start + 512 });
  assert.ok(source.reads.length <= 10, `${source.reads.length} reads`);
  assert.ok(source.readBytes <= MIB + 128 * 1024, `${source.readBytes} bytes`);
});

test('what is at hand already is not read again', async () => {
  const source = new MemorySource(BYTES);
  const window = new ReadWindow(source);
  for (let start = 0; start < MIB; start += 1000) {
    assert.ok((await window.read({ start, end: start + 1500 })).equals(BYTES.subarray(start, start + 1500)));
  }
  for (const [i, { start }] of source.reads.entries()) assert.equal(start, source.reads[i - 1]?.end ?? 0);
});

test('reads far apart take little of the source', async () => {
  const source = new MemorySource(BYTES);
  const window = new ReadWindow(source);
  for (let start = 0; start < BYTES.length; start += 256 * 1024) await window.read({ start, end: start + 512 });
  assert.equal(source.reads.length, 16);
  assert.ok(source.readBytes <= 64 * 1024 + 32 * 1024 + 14 * 4096, `${source.readBytes} bytes`);
});

test('a range of a source is a source of its own, and nothing beyond', async () => {
  const part = rangeSource(new MemorySource(BYTES), { start: 1000, end: 3000 }, 'part');
  assert.deepEqual([part.name, part.sizeBytes], ['part', 2000]);
  assert.ok((await part.read({ start: 500, end: 2000 })).equals(BYTES.subarray(1500, 3000)));
  const streamed = Buffer.concat(await Array.fromAsync(part.stream({ start: 0, end: 10 })));
  assert.ok(streamed.equals(BYTES.subarray(1000, 1010)));
  await assert.rejects(part.read({ start: 1999, end: 2001 }), RangeError);
});
