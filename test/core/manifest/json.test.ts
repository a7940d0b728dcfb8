import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  JSON_BYTES_MAX,
  JSON_DEPTH_MAX,
  JSON_VALUES_MAX,
  JsonError,
  type JsonValue,
  parseJson,
} from '../../../core/manifest/json.ts';
import { formatJson } from '../../../core/manifest/json-format.ts';
import { anyJson } from './arbitrary.ts';

function refuses(input: string | Buffer, message: string): void {
  assert.throws(
    () => parseJson(Buffer.from(input)),
    (error) => {
      assert.ok(error instanceof JsonError);
      assert.equal(error.message, message);
      assert.ok(message.endsWith(` ${error.offset}`));
      return true;
    },
  );
}

/** What JSON.parse would have made of the tree. */
function plain(value: JsonValue): unknown {
  switch (value.kind) {
    case 'null':
      return null;
    case 'boolean':
      return value.value;
    case 'number':
      return Number(value.text);
    case 'string':
      return value.text;
    case 'array':
      return value.items.map(plain);
    case 'object':
      // fromEntries defines fields, so __proto__ is just one of them, and the last of doubles wins, as in JSON.parse.
      return Object.fromEntries(value.fields.map(([name, field]) => [name, plain(field)]));
  }
}

test('keeps order, doubles and numbers as written', () => {
  assert.deepEqual(parseJson(Buffer.from('{"b":1.0,"a":[-0e+1,""],"b":{"":null}}')), {
    kind: 'object',
    fields: [
      ['b', { kind: 'number', text: '1.0' }],
      [
        'a',
        {
          kind: 'array',
          items: [
            { kind: 'number', text: '-0e+1' },
            { kind: 'string', text: '' },
          ],
        },
      ],
      ['b', { kind: 'object', fields: [['', { kind: 'null' }]] }],
    ],
  });
});

test('reads a view that is not at the start of its buffer', () => {
  assert.deepEqual(parseJson(new Uint8Array(Buffer.from('xxtruexx')).subarray(2, 6)), { kind: 'boolean', value: true });
});

describe('refuses, with the byte', () => {
  const cases: [input: string | Buffer, message: string][] = [
    ['', 'an early end at byte 0'],
    [' \n', 'an early end at byte 2'],
    ['[', 'an early end at byte 1'],
    ['[1', 'an early end at byte 2'],
    ['[1,]', 'an unexpected "]" at byte 3'],
    ['[,1]', 'an unexpected "," at byte 1'],
    ['[1 2]', 'an unexpected "2" at byte 3'],
    ['{"a"}', 'an unexpected "}" at byte 4'],
    ['{"a":}', 'an unexpected "}" at byte 5'],
    ['{"a":1,}', 'an unexpected "}" at byte 7'],
    ['{a:1}', 'an unexpected "a" at byte 1'],
    ['{"é":é}', 'an unexpected "\\u00e9" at byte 6'],
    ['\u00a01', 'an unexpected "\\u00a0" at byte 0'],
    ['\v1', 'an unexpected "\\u000b" at byte 0'],
    ['nul', 'an unexpected "n" at byte 0'],
    ['nullx', 'data after the end at byte 4'],
    ['1 2', 'data after the end at byte 2'],
    ['1\0', 'data after the end at byte 1'],
    ['\ufeff1', 'a byte order mark at byte 0'],
    ['01', 'a malformed number at byte 0'],
    ['-', 'a malformed number at byte 0'],
    ['1.', 'a malformed number at byte 0'],
    ['.1', 'a malformed number at byte 0'],
    ['[1e]', 'a malformed number at byte 1'],
    ['+1', 'a malformed number at byte 0'],
    ['Infinity', 'an unexpected "I" at byte 0'],
    ['"a', 'an unfinished string at byte 0'],
    ['"a\\"', 'an unfinished string at byte 0'],
    ['"a\\', 'an unfinished string at byte 0'],
    ['"a\tb"', 'a control character in a string at byte 2'],
    ['"\u001f"', 'a control character in a string at byte 1'],
    ['["\\x"]', 'a string with a malformed escape at byte 1'],
    ['"\\u12g4"', 'a string with a malformed escape at byte 0'],
    ['"\\\u0001"', 'a string with a malformed escape at byte 0'],
    [Buffer.from('"a\xff"', 'latin1'), 'invalid UTF-8 at byte 2'],
    [Buffer.from('"a\xc0\x80"', 'latin1'), 'invalid UTF-8 at byte 2'],
    [Buffer.from('"\xed\xa0\x80"', 'latin1'), 'invalid UTF-8 at byte 1'],
    [Buffer.from('"\xf4\x90\x80\x80"', 'latin1'), 'invalid UTF-8 at byte 1'],
    [Buffer.from('1\xe2\x82', 'latin1'), 'invalid UTF-8 at byte 1'],
  ];
  for (const [input, message] of cases)
    test(`${JSON.stringify(input.toString())}: ${message}`, () => refuses(input, message));
});

describe('bounds', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  test('depth', () => {
    parseJson(Buffer.from(nested(JSON_DEPTH_MAX)));
    parseJson(Buffer.from(`[${'[],{},'.repeat(JSON_DEPTH_MAX)}[]]`));
    refuses(nested(JSON_DEPTH_MAX + 1), `more than 64 levels at byte 64`);
    refuses('{"a":'.repeat(1_000_000), `more than 64 levels at byte ${64 * 5}`);
  });
  test('values', () => {
    const list = (values: number) => `[${'1,'.repeat(values - 2)}1]`;
    parseJson(Buffer.from(list(JSON_VALUES_MAX)));
    refuses(list(JSON_VALUES_MAX + 1), `more than 1000000 values at byte ${2 * JSON_VALUES_MAX - 1}`);
  });
  test('bytes', () => {
    const padded = Buffer.alloc(JSON_BYTES_MAX + 1, ' ');
    padded[0] = '1'.charCodeAt(0);
    parseJson(padded.subarray(0, JSON_BYTES_MAX));
    refuses(padded, 'more than 16777216 bytes at byte 16777216');
  });
});

test('escapes of lone surrogates become U+FFFD', () => {
  const read = parseJson(Buffer.from('"\\ud800\\udc00\\udc00\\ud800"'));
  assert.deepEqual(read, { kind: 'string', text: '\u{10000}\ufffd\ufffd' });
});

test('agrees with JSON.parse on any JSON', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), fc.constantFrom('', ' ', '\t\r\n '), (json, space) => {
      const spaced = space + json + space;
      assert.deepEqual(plain(parseJson(Buffer.from(spaced))), JSON.parse(json));
    }),
  );
});

test('accepts just what JSON.parse accepts', () => {
  const piece = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '"a"',
      '"\\u00',
      '0',
      '-',
      '1',
      '.',
      'e',
      '+',
      'true',
      'null',
      ' ',
      '\n',
      '\f',
      '/',
      'é',
      '\u2028',
    ],
  );
  const damaged = fc.tuple(fc.json(), fc.nat(), piece).map(([json, at, added]) => {
    const i = at % (json.length + 1);
    return json.slice(0, i) + added + json.slice(i + (at % 2));
  });
  const soup = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.oneof(damaged, soup), (json) => {
      fc.pre(json.isWellFormed());
      let expected: unknown;
      try {
        expected = JSON.parse(json, (_, part) => (typeof part === 'string' ? part.toWellFormed() : part));
      } catch {
        assert.throws(() => parseJson(Buffer.from(json)), JsonError);
        return;
      }
      assert.deepEqual(plain(parseJson(Buffer.from(json))), expected);
    }),
    { numRuns: 2000 },
  );
});

test('writes what it reads', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      assert.deepEqual(parseJson(Buffer.from(formatJson(value))), value);
    }),
  );
});

test('writes as MarshalIndent: brackets of empty lists together, special characters escaped', () => {
  const value = parseJson(
    Buffer.from('{"l":[],"o":{},"<&>":["\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f","\u2028\u2029","\\/\\"\\\\"]}'),
  );
  assert.equal(
    formatJson(value),
    `{
  "l": [],
  "o": {},
  "\\u003c\\u0026\\u003e": [
    "\\u0008\\u000c\\n\\r\\t\\u0000\\u001f\u007f",
    "\\u2028\\u2029",
    "/\\"\\\\"
  ]
}`,
  );
});
