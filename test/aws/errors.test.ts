import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awsError, isUncertain, s3Error } from '../../aws/errors.ts';
import { PodfreightError } from '../../core/errors.ts';

const answer = (name: string, httpStatusCode: number, message = '') =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
const network = (code: string, more: object = {}) => Object.assign(new Error(code), { code, ...more });
const named = (name: string) => Object.assign(new Error('x'), { name });

const CASES: readonly (readonly [error: unknown, code: string, message: RegExp])[] = [
  [answer('NoSuchBucket', 404), 'not-found', /^The bucket of s3:\/\/b\/k does not exist/],
  [answer('NoSuchKey', 404), 'not-found', /^s3:\/\/b\/k does not exist/],
  [answer('NotFound', 404), 'not-found', /^s3:\/\/b\/k does not exist/],
  [answer('NoSuchUpload', 404), 'service', /NoSuchUpload 404/],
  [answer('AccessDenied', 403, 'Access Denied.'), 'access-denied', /refuses access to s3:\/\/b\/k \(Access Denied\);/],
  [answer('403', 403, 'UnknownError'), 'access-denied', /refuses access to s3:\/\/b\/k; check/],
  [answer('InvalidAccessKeyId', 403), 'access-denied', /does not accept the credentials/],
  [answer('SignatureDoesNotMatch', 403), 'access-denied', /does not accept the credentials/],
  [answer('UnrecognizedClientException', 400), 'access-denied', /does not accept the credentials/],
  [answer('RequestTimeTooSkewed', 403), 'access-denied', /clock/],
  [answer('ExpiredToken', 400), 'no-credentials', /have expired/],
  [named('CredentialsProviderError'), 'no-credentials', /AWS_PROFILE/],
  [network('ECONNREFUSED', { address: '127.0.0.1', port: 9 }), 'unreachable', /\(ECONNREFUSED 127\.0\.0\.1:9\)/],
  [network('ENOTFOUND', { hostname: 'nowhere' }), 'unreachable', /\(ENOTFOUND nowhere\)/],
  [new AggregateError([network('ECONNREFUSED')]), 'unreachable', /ECONNREFUSED/],
  [named('TimeoutError'), 'unreachable', /\(timed out\)/],
  [answer('SlowDown', 503), 'service', /no more requests/],
  [answer('503', 503), 'service', /no more requests/],
  [answer('InternalError', 500, 'Oh.'), 'service', /^AWS failed on s3:\/\/b\/k with InternalError 500 \(Oh\)\.$/],
  [named('AbortError'), 'interrupted', /Interrupted/],
  [new Error('Region is missing'), 'usage', /AWS_REGION/],
  ['a string', 'service', /\(a string\)/],
  [null, 'service', /./],
];

for (const [error, code, message] of CASES) {
  test(`${error instanceof Error ? `${error.name} ${error.message}` : error} is ${code}`, () => {
    const ours = s3Error(error, { bucket: 'b', key: 'k' });
    assert.equal(ours.code, code);
    assert.match(ours.message, message);
    assert.equal(ours.cause, error);
    assert.doesNotMatch(ours.message, /\n|undefined/);
  });
}

test('other services are named', () => {
  const error = answer('ResourceNotFoundException', 400);
  assert.equal(awsError(error, 'table t').message, 'The table t does not exist; check the name and the region.');
});

test('the subject of a missing bucket is the bucket', () => {
  const location = { bucket: 'b', key: 'k' };
  assert.deepEqual(s3Error(answer('NoSuchBucket', 404), location).subject, { bucket: 'b' });
  assert.deepEqual(s3Error(answer('NoSuchKey', 404), location).subject, location);
});

test('an error of ours stays as it is', () => {
  const ours = new PodfreightError('conflict', 'x');
  assert.equal(awsError(ours, 'table t'), ours);
});

test('only silence and server errors leave a request in doubt', () => {
  for (const error of [network('ECONNRESET'), named('TimeoutError'), answer('InternalError', 500), answer('x', 503)]) {
    assert.equal(isUncertain(error), true);
  }
  for (const error of [answer('AccessDenied', 403), answer('PreconditionFailed', 412), named('AbortError')]) {
    assert.equal(isUncertain(error), false);
  }
});
