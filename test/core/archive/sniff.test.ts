import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { sniff } from '../../../core/archive/sniff.ts';
import { file } from './tar-sample.ts';

const tar = file('a.tar', 'a');

test('knows a tar, plain, in zstd and in gzip', () => {
  assert.equal(sniff(tar, 'x'), 'tar');
  assert.equal(sniff(zlib.zstdCompressSync(tar), 'x'), 'tar+zstd');
  assert.equal(sniff(zlib.gzipSync(tar), 'x'), 'tar+gzip');
});

for (const [tool, hex] of [
  ['bzip2', '425a6839'],
  ['xz', 'fd377a585a000004'],
] as const) {
  test(`${tool} is unsupported, and the message says how to convert it`, () => {
    assert.throws(() => sniff(Buffer.from(hex, 'hex'), 'a.tar.xx'), {
      code: 'unsupported',
      message: new RegExp(`a\\.tar\\.xx is compressed with ${tool}.*${tool} -dc ARCHIVE \\| zstd`),
    });
  });
}

for (const [what, bytes, reason] of [
  ['nothing', Buffer.alloc(0), /is empty, so it is no checkpoint archive/],
  ['text', Buffer.from('hello\n'.repeat(200)), /no tar, neither plain nor in zstd or gzip/],
  ['zeros', Buffer.alloc(2048), /no tar/],
  ['a few bytes', Buffer.from('hello'), /is no checkpoint archive, or only the beginning of one/],
  ['a skippable frame', Buffer.from('572a4d1800000000'.padEnd(1100, '0'), 'hex'), /no tar/],
] as const) {
  test(`refuses ${what}`, () => assert.throws(() => sniff(bytes, 'x'), { code: 'invalid-archive', message: reason }));
}
