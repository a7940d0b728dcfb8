import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseObjectUrl } from '../../cli/object-url.ts';
import { isPodfreightError } from '../../core/errors.ts';

test('a bucket, and all behind it', () => {
  for (const [text, expected] of [
    ['s3://archives/key', { bucket: 'archives', key: 'key' }],
    ['s3://archives/default/node-1/a b?c#d\n.tar', { bucket: 'archives', key: 'default/node-1/a b?c#d\n.tar' }],
    ['s3://archives//key/', { bucket: 'archives', key: '/key/' }],
    ['./s3://archives/key', undefined],
    ['S3://archives/key', undefined],
    ['archives/key', undefined],
    ['', undefined],
  ] as const) {
    assert.deepEqual(parseObjectUrl(text), expected, text);
  }
});

for (const text of ['s3://', 's3://archives', 's3://archives/', 's3:///key']) {
  test(`refuses ${text}`, () => {
    assert.throws(
      () => parseObjectUrl(text),
      (error) => isPodfreightError(error, 'usage'),
    );
  });
}
