import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerReader } from '../../../aws/transfer/answer.ts';
import { Landing } from '../../../aws/transfer/landing.ts';
import { isPodfreightError } from '../../../core/errors.ts';

const BODY = randomBytes(1000);
const withLength = (status: string, body: Buffer) =>
  Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n`), body]);

function chunked(body: Buffer, sizes: readonly number[], trailer = ''): Buffer {
  const pieces: Buffer[] = [Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')];
  let at = 0;
  for (const size of [...sizes, body.length]) {
    const piece = body.subarray(at, at + size);
    at += piece.length;
    if (piece.length > 0) pieces.push(Buffer.from(`${piece.length.toString(16)};x=1\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from(`0\r\n${trailer}\r\n`)]);
}

/**
 * Feeds bytes as a connection does: in reads of any size, right into the reader's space where it has one.
 * @returns bytes behind the answer
 */
function feed(reader: AnswerReader, bytes: Buffer, sizes: readonly number[]): number {
  let at = 0;
  let turn = 0;
  while (at < bytes.length && !reader.done) {
    const wanted = sizes.length === 0 ? bytes.length : sizes[turn++ % sizes.length]!;
    const space = reader.space;
    const piece = Buffer.from(bytes.subarray(at, at + Math.min(wanted, space?.length ?? wanted)));
    if (space === undefined) {
      const taken = reader.push(piece);
      piece.fill(0); // the memory is used again
      at += taken;
      if (taken < piece.length) break;
    } else {
      piece.copy(space);
      reader.landed(piece.length);
      at += piece.length;
    }
  }
  return bytes.length - at;
}

const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 20 });

test('however the bytes are cut, an answer is the same and ends where it ends', () => {
  fc.assert(
    fc.property(sizes, sizes, fc.nat(50), fc.constantFrom('', 'a: b\r\n'), (reads, chunks, behind, trailer) => {
      const next = Buffer.alloc(behind, 'x');
      for (const answer of [withLength('200 OK', BODY), chunked(BODY, chunks, trailer)]) {
        const reader = new AnswerReader('GET');
        assert.equal(feed(reader, Buffer.concat([answer, next]), reads), behind);
        assert.equal(reader.head?.status, 200);
        assert.ok(reader.document.equals(BODY));
        assert.equal(reader.leavesConnection, true);
        assert.equal(reader.hasLanded, false);
      }
    }),
  );
});

test('a good answer lands, an error does not', () => {
  fc.assert(
    fc.property(sizes, (reads) => {
      for (const status of ['200 OK', '206 Partial Content', '403 Forbidden']) {
        const landing = new Landing(Buffer.alloc(BODY.length));
        const reader = new AnswerReader('GET', landing);
        assert.equal(feed(reader, withLength(status, BODY), reads), 0);
        const isGood = status !== '403 Forbidden';
        assert.equal(reader.hasLanded, isGood);
        assert.equal(landing.received, isGood ? BODY.length : 0);
        assert.ok((isGood ? landing.bytes : reader.document).equals(BODY));
        assert.equal(reader.leavesConnection, true);
      }
    }),
  );
});

for (const [what, answer] of [
  ['longer than asked for', withLength('206 Partial Content', BODY)],
  ['in chunks', chunked(BODY.subarray(0, 10), [])],
] as const) {
  test(`an answer that is ${what} does not land, and takes the connection with it`, () => {
    const landing = new Landing(Buffer.alloc(10));
    const reader = new AnswerReader('GET', landing);
    feed(reader, answer, []);
    assert.deepEqual([reader.done, reader.leavesConnection, landing.received], [true, false, 0]);
  });
}

test('what came before the end stays', () => {
  const landing = new Landing(Buffer.alloc(BODY.length));
  const reader = new AnswerReader('GET', landing);
  feed(reader, withLength('200 OK', BODY).subarray(0, -400), []);
  assert.deepEqual([reader.done, landing.received], [false, 600]);
  assert.ok(landing.bytes.subarray(0, 600).equals(BODY.subarray(0, 600)));
});

test('answers before the answer are passed over', () => {
  const reader = new AnswerReader('PUT');
  feed(reader, Buffer.concat([Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), withLength('200 OK', BODY)]), [7]);
  assert.equal(reader.head?.status, 200);
  assert.ok(reader.document.equals(BODY));
});

const longHead = `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(70_000)}\r\nContent-Length: 0\r\n\r\n`;
const chunkHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
for (const [what, text] of [
  ['a head without end', 'a'.repeat(70_000)],
  ['too many headers', longHead],
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['a document that is too long', 'HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n'],
  ['a chunk that is too long', `${chunkHead}ffffffff\r\n`],
  ['a chunk of a negative size', `${chunkHead}-1\r\n`],
  ['a chunk without a size', `${chunkHead}\r\n`],
  ['a chunk size without end', `${chunkHead}1;${'a'.repeat(5000)}`],
  ['a bare line feed behind a chunk size', `${chunkHead}1\na\r\n`],
  ['a chunk that is longer than it says', `${chunkHead}1\r\nab\r\n`],
  ['trailers without end', `${chunkHead}0\r\n${'a: b\r\n'.repeat(200_000)}`],
  ['chunks without end', chunkHead + '1\r\na\r\n'.repeat(200_000)],
] as const) {
  test(`refuses ${what}`, () => {
    for (const reads of [[], [1000]]) {
      assert.throws(() => feed(new AnswerReader('GET'), Buffer.from(text), reads), { code: 'service' });
    }
  });
}

test('whatever comes, it is an answer, the beginning of one, or refused', () => {
  const line = fc.constantFrom(
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 100 \r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\r\n',
    '3\r\nabc\r\n',
    '0\r\n',
    '\n',
    ': \r\n',
    '\0',
  );
  const piece = fc.oneof(
    line.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), sizes, fc.boolean(), (pieces, reads, lands) => {
      const landing = new Landing(Buffer.alloc(3));
      const reader = new AnswerReader('GET', lands ? landing : undefined);
      const bytes = Buffer.concat(pieces);
      try {
        const behind = feed(reader, bytes, reads);
        assert.ok(behind >= 0 && behind <= bytes.length);
        if (!reader.done) assert.equal(behind, 0);
      } catch (error) {
        assert.ok(isPodfreightError(error, 'service'), `${error}`);
      }
    }),
    { numRuns: 2000 },
  );
});
