import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonText } from '../../cli/output.ts';

test('JSON of a hostile name steers no terminal and keeps its value', () => {
  const value = { name: 'a\x1b[31m\x7f\x9b\u202eb\u200bc\ud800é\u{e0001}日本\u2028\ufeff', lines: ['x\ny'] };
  const text = jsonText(value);
  assert.match(text, /^[\x20-\x7e\né日本]*$/);
  assert.deepEqual(JSON.parse(text), value);
});

test('JSON on one line', () => assert.equal(jsonText({ a: [1] }, 0), '{"a":[1]}'));
