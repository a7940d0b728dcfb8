import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes } from '../../cli/bytes.ts';

test('sizes in the unit a person would choose', () => {
  const sizes = [0, 1023, 1024, 1536, 11_970_560, 2 ** 30, 5 * 2 ** 40, 2 ** 53];
  assert.deepEqual(sizes.map(formatBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '11.4 MiB',
    '1.0 GiB',
    '5.0 TiB',
    '8192.0 TiB',
  ]);
});
