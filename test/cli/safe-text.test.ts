import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { safeText } from '../../cli/safe-text.ts';

describe('prevents', () => {
  const cases: [what: string, text: string, shown: string][] = [
    ['colours', '\x1b[31mred', '\\x1b[31mred'],
    ['a title set for the window', '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
    ['8-bit control sequences', '\x9b2J\x85', '\\x9b2J\\x85'],
    ['overwriting the line', 'evil\rgood\b\x7f', 'evil\\rgood\\x08\\x7f'],
    ['more lines', 'a\nb\tc\vd\fe', 'a\\nb\\tc\\x0bd\\x0ce'],
    ['line and paragraph separators', 'a\u2028b\u2029', 'a\\u{2028}b\\u{2029}'],
    ['embeddings and overrides', '\u202a\u202b\u202c\u202d\u202e', '\\u{202a}\\u{202b}\\u{202c}\\u{202d}\\u{202e}'],
    ['isolates', '\u2066\u2067\u2068\u2069', '\\u{2066}\\u{2067}\\u{2068}\\u{2069}'],
    ['marks of direction', '\u200e\u200f\u061c', '\\u{200e}\\u{200f}\\u{61c}'],
    [
      'what has no width',
      'a\u200bb\u200c\u200d\u2060\ufeff\u00ad\u034f',
      'a\\u{200b}b\\u{200c}\\u{200d}\\u{2060}\\u{feff}\\xad\\u{34f}',
    ],
    ['what looks like a space', 'a\u00a0b\u2003\u3000\u3164\u2800', 'a\\xa0b\\u{2003}\\u{3000}\\u{3164}\\u{2800}'],
    ['tags and variations', 'a\u{e0041}\ufe0f\u{e0100}', 'a\\u{e0041}\\u{fe0f}\\u{e0100}'],
    ['halves of characters', '\ud800a\udc00', '\\u{d800}a\\u{dc00}'],
    ['what has no meaning', '\ue000\uffff\u{10ffff}\u0378', '\\u{e000}\\u{ffff}\\u{10ffff}\\u{378}'],
  ];
  for (const [what, text, shown] of cases) test(what, () => assert.equal(safeText(text), shown));
});

describe('allows', () => {
  for (const text of [
    '',
    'docker.io/library/redis:7.2@sha256:0123',
    ' ~!"#$%&\'()*+,-./ \\n \\x1b',
    'naïve e\u0301 Ω',
    '漢字 デフォルト 한국어 中文',
    'עברית العربية ไทย हिन्दी',
    '😀 📦 �',
  ]) {
    test(JSON.stringify(text), () => assert.equal(safeText(text), text));
  }
});

test('what is safe stays as it is, and is well-formed', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      const safe = safeText(text);
      assert.equal(safeText(safe), safe);
      assert.ok(safe.isWellFormed());
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      assert.doesNotMatch(safe, /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/);
    }),
  );
});
