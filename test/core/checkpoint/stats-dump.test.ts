import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readStatsDump } from '../../../core/checkpoint/stats-dump.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { statsDump, varint } from '../../checkpoint-samples/criu.ts';

/** From podman-counter.tar.zst, written by CRIU 4.2. */
const REAL = Buffer.from(
  '405910550633095724000000' + '0a2208d9950610918b0c18df0920e301282f3000382140004800500858086000' + '68007000',
  'hex',
);

test('reads what CRIU 4.2 wrote', () => {
  assert.deepEqual(readStatsDump(REAL, 'test.tar'), {
    freezingMicros: 101_081,
    frozenMicros: 198_033,
    memdumpMicros: 1_247,
    memwriteMicros: 227,
    pagesScanned: 47,
    pagesSkippedParent: 0,
    pagesWritten: 33,
    pagesLazy: 0,
  });
});

test('every number is read back, whatever other fields there are', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.integer({ min: 1, max: 40 }).map(String), fc.maxSafeNat()), (fields) => {
      const { freezingMicros, pagesWritten, pagesLazy } = readStatsDump(statsDump(fields), 'test.tar');
      assert.deepEqual([freezingMicros, pagesWritten, pagesLazy], [fields[1] ?? 0, fields[7] ?? 0, fields[9] ?? 0]);
    }),
  );
});

test('fields of other types are passed over', () => {
  const fixed = Buffer.concat([varint(20 * 8 + 1), Buffer.alloc(8, 1), varint(21 * 8 + 5), Buffer.alloc(4, 1)]);
  const text = Buffer.concat([varint(22 * 8 + 2), varint(3), Buffer.from('abc')]);
  const dump = Buffer.concat([fixed, text, varint(7 * 8), varint(33)]);
  const message = Buffer.concat([varint(10), varint(dump.length), dump]);
  const head = Buffer.from(REAL.subarray(0, 12));
  head.writeUInt32LE(message.length, 8);
  assert.equal(readStatsDump(Buffer.concat([head, message]), 'test.tar').pagesWritten, 33);
});

test('anything else is refused, and nothing else is thrown', () => {
  const refused = (bytes: Buffer) => {
    try {
      readStatsDump(bytes, 'test.tar');
      return false;
    } catch (error) {
      assert.ok(isPodfreightError(error, 'invalid-archive'), String(error));
      assert.match(error.message, /member "stats-dump" is no statistics file of CRIU/);
      return true;
    }
  };
  for (let length = 0; length < REAL.length; length++) assert.ok(refused(REAL.subarray(0, length)), `${length} bytes`);
  assert.ok(refused(Buffer.concat([REAL, varint(20 * 8), varint(5)])), 'a field behind the message');
  const beyond = Buffer.concat([REAL.subarray(0, 8), Buffer.from([2, 0, 0, 0]), varint(1 * 8 + 2), varint(100)]);
  assert.ok(refused(beyond), 'a field that goes on behind the message');
  assert.ok(refused(statsDump({ 7: 2 ** 60 })), 'a number beyond 2^53');
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void refused(Buffer.concat([REAL.subarray(0, 12), bytes]))));
  fc.assert(
    fc.property(fc.nat(REAL.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(REAL);
      damaged[at]! ^= flip;
      refused(damaged);
    }),
  );
});
