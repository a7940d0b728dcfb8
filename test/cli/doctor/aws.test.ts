import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookAtBucket, lookAtClock, lookAtIdentity, lookAtSettings } from '../../../cli/doctor/aws.ts';

const AT = Date.parse('2026-11-22T13:20:05Z');
const reading = (aheadMs: number) => ({ askedAtMs: AT + aheadMs, answeredAtMs: AT + aheadMs + 50, serverMs: AT });
const ALL = { archivesBucket: 'a', bundlesBucket: 'b', table: 't', bundleFunction: 'f' };

test('settings: all, some, none', () => {
  assert.equal(lookAtSettings(ALL, '/c').state, 'ok');
  const some = lookAtSettings({ archivesBucket: 'a' }, '/c');
  assert.equal(some.state, 'note');
  assert.match(some.message, /the bundle function \(for bundle\)/);
  const none = lookAtSettings({ cluster: 'prod' }, '/c');
  assert.deepEqual([none.state, none.code], ['problem', 'usage']);
  assert.match(none.advice ?? '', /podfreight configure --stack/);
});

test('credentials: lasting, for hours, for minutes, expired', () => {
  const until = (ms: number) => lookAtIdentity({ accessKeyId: 'AKID', expiresAt: new Date(AT + ms) }, 'eu-west-1', AT);
  assert.equal(lookAtIdentity({ accessKeyId: 'AKID' }, 'eu-west-1', AT).message, 'Access key AKID, region eu-west-1.');
  assert.equal(until(3_600_000).state, 'ok');
  assert.equal(until(60_000).state, 'warning');
  assert.deepEqual([until(-1).state, until(-1).code], ['problem', 'no-credentials']);
});

test('buckets: versioned, not, may not ask, elsewhere', () => {
  const look = (versioned?: boolean, region?: string) =>
    lookAtBucket('b', { ...(versioned !== undefined && { versioned }), ...(region && { region }) }, 'eu-west-1');
  assert.equal(look(true, 'eu-west-1').state, 'ok');
  assert.equal(look(true).state, 'ok');
  assert.equal(look(false, 'eu-west-1').state, 'warning');
  assert.equal(look().state, 'note');
  const elsewhere = look(true, 'us-east-1');
  assert.equal(elsewhere.state, 'warning');
  assert.match(elsewhere.advice ?? '', /AWS_REGION=us-east-1/);
});

test('clock: right, seconds off, minutes off, unknown', () => {
  assert.equal(lookAtClock([reading(400)]).state, 'ok');
  assert.equal(lookAtClock([reading(30_000)]).message, "This machine's clock is 29 s ahead.");
  assert.equal(lookAtClock([reading(30_000)]).state, 'warning');
  const behind = lookAtClock([reading(-3_600_000)]);
  assert.deepEqual([behind.state, behind.code], ['problem', 'access-denied']);
  assert.match(behind.message, /60 min behind/);
  assert.equal(lookAtClock([reading(30_000), reading(0)]).state, 'ok', 'one answer that came late proves nothing');
  assert.equal(lookAtClock([]).state, 'note');
});
