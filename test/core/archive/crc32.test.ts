import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { crc32Combine } from '../../../core/archive/crc32.ts';

test('the combined CRC-32 is that of the bytes together', () => {
  const bytes = fc.uint8Array({ maxLength: 5000 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.equal(crc32Combine(crc32(a), crc32(b), b.length), crc32(Buffer.concat([a, b])));
    }),
  );
});

test('three runs combine from either side', () => {
  const [a, b, c] = ['one', 'and two', 'and three'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
  const bc = crc32Combine(crc32(b), crc32(c), c.length);
  const ab = crc32Combine(crc32(a), crc32(b), b.length);
  assert.equal(crc32Combine(crc32(a), bc, b.length + c.length), crc32(Buffer.concat([a, b, c])));
  assert.equal(crc32Combine(ab, crc32(c), c.length), crc32(Buffer.concat([a, b, c])));
});

test('lengths beyond 2^32 add up: halves of halves give the same as one length', () => {
  const length = 2 ** 44 + 2 ** 32 + 12345;
  const half = Math.floor(length / 2);
  const crc = crc32('before');
  // A run whose CRC is given as 0 only multiplies what was before.
  const inTwo = crc32Combine(crc32Combine(crc, 0, half), 0, length - half);
  assert.equal(crc32Combine(crc, 0, length), inTwo);
});

test('64 MiB of zeros behind, in blocks and at once', () => {
  const block = Buffer.alloc(1 << 20);
  let expected = crc32('x');
  for (let i = 0; i < 64; i++) expected = crc32(block, expected);
  const zeros = Buffer.alloc(64 << 20);
  assert.equal(crc32Combine(crc32('x'), crc32(zeros), zeros.length), expected);
});
