import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodfreightError } from '../../core/errors.ts';
import { errorFromRemote, remoteError } from '../../core/remote-error.ts';

/** What Lambda answers when a function throws. */
function payloadOf(error: Error): unknown {
  return JSON.parse(
    JSON.stringify({ errorType: error.name, errorMessage: error.message, trace: error.stack?.split('\n') }),
  );
}

test('brings code, sentence and subject to the caller', () => {
  const thrown = new PodfreightError('not-found', 'No such pod.', {
    subject: { pod: 'default/my-redis', pods: ['a', 'b'] },
  });
  const error = errorFromRemote(payloadOf(remoteError(thrown)), 'function f');
  assert.equal(error.code, 'not-found');
  assert.equal(error.message, 'No such pod.');
  assert.deepEqual(error.subject, { pod: 'default/my-redis', pods: ['a', 'b'] });
});

test('tells the caller of a defect, but nothing about it', () => {
  const error = errorFromRemote(payloadOf(remoteError(new TypeError('secret of undefined'))), 'function f');
  assert.equal(error.code, 'internal');
  assert.doesNotMatch(error.message, /secret/);
});

test('makes a sentence of whatever else Lambda answers', () => {
  const timedOut = { errorMessage: '2026-11-22T16:00:00Z 1234 Task timed out after 900.00 seconds' };
  assert.match(errorFromRemote(timedOut, 'function f').message, /function f failed: .*timed out/);
  const strange = [
    null,
    'text',
    [],
    { errorType: 'PodfreightError', errorMessage: 'no json' },
    { errorType: 'PodfreightError', errorMessage: '{"code":"toString","message":"x"}' },
    { errorType: 'PodfreightError', errorMessage: '{"code":"usage"}' },
    { errorType: 'PodfreightError', errorMessage: 'null' },
  ];
  for (const payload of strange) assert.equal(errorFromRemote(payload, 'function f').code, 'service');
});
