import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wake } from '../../../cli/agent/wake.ts';

const LONG_MS = 600_000;
const never = new AbortController().signal;

test('something that happens ends the sleep, also when it happened before it began', { timeout: 60_000 }, async () => {
  const wake = new Wake();
  setTimeout(() => wake.now(), 20);
  await wake.sleep(0, LONG_MS, never);
  wake.now();
  await wake.sleep(0, LONG_MS, never);
});

test('but not before its least time', async () => {
  const wake = new Wake();
  wake.now();
  const begunAt = performance.now();
  await wake.sleep(50, LONG_MS, never);
  assert.ok(performance.now() - begunAt >= 49);
});

test('a signal ends it at any time', { timeout: 60_000 }, async () => {
  for (const [atLeastMs, atMostMs] of [
    [LONG_MS, LONG_MS],
    [0, LONG_MS],
  ] as const) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await new Wake().sleep(atLeastMs, atMostMs, controller.signal);
  }
});
