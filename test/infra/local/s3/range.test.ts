import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentRange, parseCopyRange, parseRange } from '../../../../infra/local/s3/range.ts';

const SIZE = 1000;

for (const [header, range] of [
  ['bytes=0-0', { start: 0, end: 1 }],
  ['bytes=10-19', { start: 10, end: 20 }],
  ['bytes=990-', { start: 990, end: 1000 }],
  ['bytes=990-5000', { start: 990, end: 1000 }],
  ['bytes=-5', { start: 995, end: 1000 }],
  ['bytes=-5000', { start: 0, end: 1000 }],
  ['bytes=20-10', undefined],
  ['bytes=-', undefined],
  ['bytes=0-1,5-6', undefined],
  ['lines=0-1', undefined],
  [undefined, undefined],
] as const) {
  test(`Range ${header} of 1,000 bytes`, () => assert.deepEqual(parseRange(header, SIZE), range));
}

for (const [header, size] of [
  ['bytes=1000-', SIZE],
  ['bytes=5000-6000', SIZE],
  ['bytes=-0', SIZE],
  ['bytes=0-', 0],
  ['bytes=-1', 0],
] as const) {
  test(`Range ${header} of ${size} bytes holds none`, () => {
    assert.throws(() => parseRange(header, size), { code: 'InvalidRange', status: 416 });
  });
}

test('a copy takes only ranges within the source', () => {
  assert.deepEqual(parseCopyRange('bytes=0-999', SIZE), { start: 0, end: 1000 });
  assert.deepEqual(parseCopyRange(undefined, SIZE), { start: 0, end: 1000 });
  for (const header of ['bytes=0-1000', 'bytes=5-4', 'bytes=0-', 'bytes=-5', '0-5']) {
    assert.throws(() => parseCopyRange(header, SIZE), { code: 'InvalidArgument' }, header);
  }
});

test('Content-Range is inclusive', () => {
  assert.equal(contentRange({ start: 10, end: 20 }, SIZE), 'bytes 10-19/1000');
});
