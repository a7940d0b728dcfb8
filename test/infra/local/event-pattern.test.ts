import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesPattern } from '../../../infra/local/event-pattern.ts';

const EVENT = {
  source: 'aws.s3',
  'detail-type': 'Object Created',
  resources: ['arn:one', 'arn:two'],
  detail: { bucket: { name: 'archives' }, object: { key: 'prod/node-1/a.tar.zst', size: 5 }, nothing: null },
};

const key = (...matchers: unknown[]) => ({ detail: { object: { key: matchers } } });
const size = (...matchers: unknown[]) => ({ detail: { object: { size: matchers } } });

const CASES: [object, boolean][] = [
  [{}, true],
  [{ source: ['aws.s3'] }, true],
  [{ source: ['aws.s3', 'aws.ec2'] }, true],
  [{ source: ['aws.ec2'] }, false],
  [{ source: [] }, false],
  [{ source: ['aws.s3'], 'detail-type': ['Object Deleted'] }, false],
  [{ detail: { bucket: { name: ['archives'] } } }, true],
  [{ detail: { bucket: { name: ['bundles'] } } }, false],
  [{ detail: { missing: { name: ['archives'] } } }, false],
  [{ detail: { missing: ['x'] } }, false],
  [{ resources: ['arn:two'] }, true],
  [{ resources: ['arn:three'] }, false],
  [{ detail: { nothing: [null] } }, true],
  [size(5), true],
  [size('5'), false],
  [key({ prefix: 'prod/' }), true],
  [key({ prefix: 'test/' }), false],
  [key({ prefix: { 'equals-ignore-case': 'PROD/' } }), true],
  [key({ suffix: '.tar.zst' }), true],
  [key({ suffix: '.txt' }), false],
  [key({ suffix: { 'equals-ignore-case': '.ZST' } }), true],
  [size({ prefix: '5' }), false],
  [key({ suffix: '.txt' }, { prefix: 'prod/' }), true],
  [{ source: [{ 'equals-ignore-case': 'AWS.S3' }] }, true],
  [key({ wildcard: 'prod/*.zst' }), true],
  [key({ wildcard: '*/node-2/*' }), false],
  [key({ wildcard: 'prod.node-1.*' }), false],
  [key({ wildcard: 'prod/\\*' }), false],
  [key({ exists: true }), true],
  [key({ exists: false }), false],
  [{ detail: { missing: [{ exists: false }] } }, true],
  [{ detail: { missing: [{ exists: true }] } }, false],
  [{ detail: { bucket: [{ exists: true }] } }, false],
  [{ source: [{ 'anything-but': 'aws.s3' }] }, false],
  [{ source: [{ 'anything-but': ['aws.ec2', 'aws.sqs'] }] }, true],
  [{ detail: { missing: [{ 'anything-but': 'x' }] } }, false],
  [key({ 'anything-but': { prefix: 'test/' } }), true],
  [key({ 'anything-but': { suffix: ['.txt', '.zst'] } }), false],
  [key({ 'anything-but': { wildcard: '*node-1*' } }), false],
  [size({ numeric: ['>', 0, '<=', 5] }), true],
  [size({ numeric: ['>', 5] }), false],
  [size({ numeric: ['=', 5] }), true],
  [key({ numeric: ['>', 0] }), false],
  [{ $or: [{ source: ['aws.ec2'] }, { 'detail-type': ['Object Created'] }] }, true],
  [{ $or: [{ source: ['aws.ec2'] }, { 'detail-type': ['Object Deleted'] }] }, false],
];

for (const [pattern, expected] of CASES) {
  test(`${JSON.stringify(pattern)} ${expected ? 'fits' : 'does not fit'}`, () => {
    assert.equal(matchesPattern(pattern, EVENT), expected);
  });
}

test('a filter that is not understood is refused and not taken for a mismatch', () => {
  assert.throws(() => matchesPattern({ source: [{ cidr: '10.0.0.0/24' }] }, EVENT), { code: 'unsupported' });
});
