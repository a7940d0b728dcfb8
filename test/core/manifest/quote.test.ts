import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoteText } from '../../../core/manifest/quote.ts';

test('shows what a terminal could obey, or hide, as escapes', () => {
  assert.equal(quoteText('a "b" \\ \n\x1b\x9b\u202e'), '"a \\"b\\" \\\\ \\n\\u001b\\u009b\\u202e"');
  assert.equal(quoteText('ä😀'), '"\\u00e4\\ud83d\\ude00"');
});

test('cuts what is long', () => {
  assert.equal(quoteText('x'.repeat(1_000_000)), `"${'x'.repeat(128)}"`);
});
