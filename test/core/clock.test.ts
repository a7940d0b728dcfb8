import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockSkewMs } from '../../core/clock.ts';

const AT = Date.parse('2026-11-22T13:20:05Z');

for (const [what, askedAtMs, answeredAtMs, skewMs] of [
  ['a right clock, within the second', AT + 300, AT + 900, 0],
  ['a right clock, and an answer that took a minute', AT - 30_000, AT + 30_000, 0],
  ['an hour ahead', AT + 3_600_000, AT + 3_600_900, 3_599_000],
  ['an hour behind', AT - 3_600_900, AT - 3_600_000, -3_600_000],
] as const) {
  test(what, () => assert.equal(clockSkewMs({ askedAtMs, answeredAtMs, serverMs: AT }), skewMs));
}
