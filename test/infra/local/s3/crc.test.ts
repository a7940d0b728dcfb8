import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CrcAlgorithm, combineCrc, startCrc } from '../../../../infra/local/s3/crc.ts';

const ALGORITHMS: CrcAlgorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME'];

function crcOf(algorithm: CrcAlgorithm, ...chunks: Uint8Array[]): Buffer {
  const crc = startCrc(algorithm);
  for (const chunk of chunks) crc.update(chunk);
  return crc.digest();
}

test('the check values of the catalogue of CRCs', () => {
  const digits = Buffer.from('123456789');
  assert.equal(crcOf('CRC32', digits).toString('hex'), 'cbf43926');
  assert.equal(crcOf('CRC32C', digits).toString('hex'), 'e3069283');
  assert.equal(crcOf('CRC64NVME', digits).toString('hex'), 'ae8b14860a799888');
});

for (const algorithm of ALGORITHMS) {
  test(`${algorithm} of a whole is combined from its pieces`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (first, second) => {
        const whole = crcOf(algorithm, first, second);
        const combined = combineCrc(algorithm, crcOf(algorithm, first), crcOf(algorithm, second), second.length);
        assert.deepEqual(combined, whole);
      }),
    );
  });
}

test('lengths beyond 32 bits combine: zeros appended twice are zeros appended once', () => {
  const seed = crcOf('CRC32', Buffer.from('seed'));
  const half = 3 * 1024 ** 3 + 5;
  const nothing = Buffer.alloc(4);
  const twice = combineCrc('CRC32', combineCrc('CRC32', seed, nothing, half), nothing, half);
  assert.deepEqual(combineCrc('CRC32', seed, nothing, 2 * half), twice);
});
