import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_CODES, exitCodeOf } from '../../cli/exit-codes.ts';
import { PodfreightError } from '../../core/errors.ts';

test('every failure has an exit code of its own, none of them 0', () => {
  const codes = Object.values(EXIT_CODES);
  assert.equal(new Set(codes).size, codes.length);
  assert.ok(codes.every((code) => code > 0 && code < 256));
});

test('an interruption ends as the signal would have', () => {
  const by = (signal: string) => new PodfreightError('interrupted', 'Stopped.', { subject: { signal } });
  assert.equal(exitCodeOf(by('SIGINT')), 130);
  assert.equal(exitCodeOf(by('SIGTERM')), 143);
});
