import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNumber } from '../../../core/archive/tar-number.ts';
import { base256 } from './tar-sample.ts';

const field = (text: string) => Buffer.from(text.padEnd(12, '\0'), 'latin1');

for (const [what, text, value] of [
  ['digits ended by a NUL', '00000000012\0', 10],
  ['digits ended by a space', '00000000012 ', 10],
  ['leading spaces', '         12 ', 10],
  ['digits to the last byte', '777777777777', 8 ** 12 - 1],
  ['a single zero', '0', 0],
] as const) {
  test(`allows ${what}`, () => assert.equal(parseNumber(field(text)), value));
}

for (const [what, text] of [
  ['nothing', ''],
  ['only spaces', '           '],
  ['a digit that is not octal', '00000000018\0'],
  ['a sign', '-0000000001\0'],
  ['hexadecimal', '0x0000000ff\0'],
  ['digits after the end', '0000012\x0000012'],
  ['a NUL before the digits', '\x000000000012'],
] as const) {
  test(`prevents ${what}`, () => assert.equal(parseNumber(field(text)), undefined));
}

test('base-256 is read for every safe integer, and refused beyond', () => {
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => assert.equal(parseNumber(base256(BigInt(value))), value)));
  assert.equal(parseNumber(base256(2n ** 53n - 1n)), 2 ** 53 - 1);
  assert.equal(parseNumber(base256(2n ** 53n)), undefined);
  assert.equal(parseNumber(base256(-(2n ** 53n))), undefined);
  assert.equal(parseNumber(Buffer.from('80ffffffffffffffffffffff', 'hex')), undefined);
});

test('octal is read for every value it can hold', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8 ** 11 - 1 }), (value) => {
      assert.equal(parseNumber(field(value.toString(8).padStart(11, '0'))), value);
    }),
  );
});
