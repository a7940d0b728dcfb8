import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkedBody } from '../../../../infra/local/s3/body.ts';
import { patterned, pieces } from './endpoint.ts';

async function decode(wire: Buffer, pieceBytes: number, trailer?: string) {
  async function* source() {
    yield* pieces(wire, pieceBytes);
  }
  const body = new ChunkedBody(source(), { chain: undefined, trailer });
  const chunks: Buffer[] = [];
  for await (const chunk of body.data()) chunks.push(chunk);
  return { data: Buffer.concat(chunks), trailers: body.trailers };
}

const data = patterned(1000);
const framed = Buffer.concat([
  Buffer.from('3\r\n'),
  data.subarray(0, 3),
  Buffer.from('\r\n3e5\r\n'),
  data.subarray(3),
  Buffer.from('\r\n0\r\n'),
]);
const trailer = Buffer.from('x-amz-checksum-crc32:AAAAAA==\r\n\r\n');

for (const pieceBytes of [1, 2, 7, 321, 65536]) {
  test(`in pieces of ${pieceBytes} bytes, with a trailer`, async () => {
    const decoded = await decode(Buffer.concat([framed, trailer]), pieceBytes, 'x-amz-checksum-crc32');
    assert.deepEqual(decoded.data, data);
    assert.deepEqual(decoded.trailers, { 'x-amz-checksum-crc32': 'AAAAAA==' });
  });
}

test('without a trailer', async () => {
  assert.deepEqual((await decode(Buffer.concat([framed, Buffer.from('\r\n')]), 100)).data, data);
});

for (const [what, wire, code, announced] of [
  ['an end within a chunk', framed.subarray(0, 500), 'IncompleteBody', undefined],
  ['an end between chunks', framed.subarray(0, 8), 'IncompleteBody', undefined],
  ['no last chunk', framed.subarray(0, framed.length - 3), 'IncompleteBody', undefined],
  ['a size that is none', Buffer.from('zz\r\n'), 'IncompleteBody', undefined],
  ['a size beyond reason', Buffer.from(`${'f'.repeat(16)}\r\n`), 'IncompleteBody', undefined],
  ['a chunk longer than it says', Buffer.from('1\r\nab\r\n0\r\n\r\n'), 'IncompleteBody', undefined],
  ['a line without end', Buffer.alloc(10_000, 'a'), 'IncompleteBody', undefined],
  ['a missing trailer', Buffer.concat([framed, Buffer.from('\r\n')]), 'MalformedTrailerError', 'x-amz-checksum-crc32'],
  ['an unannounced trailer', Buffer.concat([framed, trailer]), 'MalformedTrailerError', undefined],
  ['a trailer without colon', Buffer.from('0\r\nabc\r\n\r\n'), 'MalformedTrailerError', 'abc'],
] as const) {
  test(`refuses ${what}`, () => assert.rejects(decode(wire, 64, announced), { code }));
}
