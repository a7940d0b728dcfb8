import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePax } from '../../../core/archive/pax.ts';
import { paxRecord } from './tar-sample.ts';

const parse = (text: string) => parsePax(Buffer.from(text, 'latin1'));

test('reads what matters and passes over attributes', () => {
  const text = [
    paxRecord('path', 'a.tar'),
    paxRecord('size', '9007199254740991'),
    paxRecord('mtime', '1795353902.75'),
    paxRecord('comment', 'x'.repeat(3000)),
    paxRecord('SCHILY.xattr.security.selinux', 'a=b\nc\0'),
    paxRecord('LIBARCHIVE.creationtime', '1'),
  ].join('');
  assert.deepEqual(parse(text), { path: 'a.tar', sizeBytes: 2 ** 53 - 1, modifiedSeconds: 1795353902 });
});

test('a time before 1970 is rounded down', () => {
  assert.deepEqual(parse(paxRecord('mtime', '-1.5')), { modifiedSeconds: -2 });
});

for (const [what, text, reason] of [
  ['a sparse file', paxRecord('GNU.sparse.major', '1'), /GNU\.sparse\.major.*not allowed/],
  ['a link', paxRecord('linkpath', '/etc/passwd'), /"linkpath", which is not allowed/],
  ['a real size', paxRecord('SCHILY.realsize', '1'), /not allowed/],
  ['another character set', paxRecord('hdrcharset', 'BINARY'), /not allowed/],
  ['a key twice', paxRecord('path', 'a') + paxRecord('path', 'b'), /"path" twice/],
  ['a size in hexadecimal', paxRecord('size', '0x10'), /size.*no number/],
  ['a size beyond 2^53', paxRecord('size', '9007199254740993'), /size.*no number/],
  ['a negative size', paxRecord('size', '-1'), /size.*no number/],
  ['an empty size', paxRecord('size', ''), /size.*no number/],
  ['a time that is none', paxRecord('mtime', 'yesterday'), /time.*none/],
  ['a time beyond dates', paxRecord('mtime', '8640000000001'), /time.*none/],
  ['an empty path', paxRecord('path', ''), /broken name/],
  ['a NUL in a path', paxRecord('path', 'a.tar\0/etc'), /broken name/],
  ['no length', 'path=a\n', /broken extended header/],
  ['a length with a leading zero', '010 path=a\n', /broken/],
  ['a length beyond the end', '99 path=a\n', /broken/],
  ['a length that is too short', '5 path=a\n', /broken/],
  ['no line end', '9 path=ab', /broken/],
  ['no key', '5 =a\n', /broken/],
  ['NULs after the records', `${paxRecord('path', 'a')}\0\0`, /broken/],
] as const) {
  test(`prevents ${what}`, () => {
    const records = parse(text);
    assert.match('refused' in records ? records.refused : 'accepted', reason);
  });
}
