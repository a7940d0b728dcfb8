import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAnswerHead } from '../../../aws/transfer/answer-head.ts';

const head = (...lines: string[]) => lines.join('\r\n');

test('status, headers and length', () => {
  const text = head('HTTP/1.1 206 Partial Content', 'ETag:"a"', 'Content-Length: 12 ', 'x-Amz-a:\tb', 'X-AMZ-A: c');
  assert.deepEqual(parseAnswerHead(text, 'GET'), {
    status: 206,
    reason: 'Partial Content',
    headers: { etag: '"a"', 'content-length': '12', 'x-amz-a': 'b, c' },
    framing: { kind: 'length', bytes: 12 },
    keepAlive: true,
  });
});

test('a header may be called like a property of every object', () => {
  const { headers } = parseAnswerHead(head('HTTP/1.1 200 OK', '__proto__: x', 'content-length: 0'), 'GET');
  assert.deepEqual(Object.entries(headers), [
    ['__proto__', 'x'],
    ['content-length', '0'],
  ]);
});

for (const [what, method, lines] of [
  ['an answer to a HEAD', 'HEAD', ['HTTP/1.1 200 OK', 'Content-Length: 5']],
  ['204', 'DELETE', ['HTTP/1.1 204 No Content']],
  ['304', 'GET', ['HTTP/1.1 304 Not Modified', 'Content-Length: 5']],
  ['100', 'PUT', ['HTTP/1.1 100 Continue']],
] as const) {
  test(`${what} has no body`, () => {
    assert.deepEqual(parseAnswerHead(head(...lines), method).framing, { kind: 'length', bytes: 0 });
  });
}

for (const [lines, keepAlive] of [
  [['HTTP/1.1 200 OK'], true],
  [['HTTP/1.1 200 OK', 'Connection: Close'], false],
  [['HTTP/1.1 200 OK', 'Connection: x, close'], false],
  [['HTTP/1.0 200 OK'], false],
  [['HTTP/1.0 200 OK', 'Connection: keep-alive'], true],
] as const) {
  test(`${lines.join('; ')} ${keepAlive ? 'keeps' : 'ends'} the connection`, () => {
    assert.equal(parseAnswerHead(head(...lines, 'Content-Length: 0'), 'GET').keepAlive, keepAlive);
  });
}

test('chunks', () => {
  const { framing } = parseAnswerHead(head('HTTP/1.1 200', 'Transfer-Encoding: Chunked'), 'GET');
  assert.deepEqual(framing, { kind: 'chunked' });
});

for (const [what, lines] of [
  ['nothing', ['']],
  ['another protocol', ['SSH-2.0-OpenSSH_9.6']],
  ['another version', ['HTTP/2 200 OK', 'Content-Length: 0']],
  ['a status of two digits', ['HTTP/1.1 20 OK', 'Content-Length: 0']],
  ['a line that is no header', ['HTTP/1.1 200 OK', 'Content-Length: 0', 'nonsense']],
  ['a space before the colon', ['HTTP/1.1 200 OK', 'Content-Length : 0']],
  ['a continued header', ['HTTP/1.1 200 OK', 'x: a', ' b', 'Content-Length: 0']],
  ['a bare line feed in a header', ['HTTP/1.1 200 OK', 'x: a\nContent-Length: 5']],
  ['a zero byte', ['HTTP/1.1 200 OK', 'x: a\0', 'Content-Length: 0']],
  ['no length', ['HTTP/1.1 200 OK']],
  ['two lengths', ['HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 5']],
  ['a negative length', ['HTTP/1.1 200 OK', 'Content-Length: -1']],
  ['a length with a plus', ['HTTP/1.1 200 OK', 'Content-Length: +1']],
  ['a length that no number holds', ['HTTP/1.1 200 OK', 'Content-Length: 99999999999999999999']],
  ['a length and chunks', ['HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked']],
  ['another encoding', ['HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked']],
] as const) {
  test(`refuses ${what}`, () => {
    assert.throws(() => parseAnswerHead(head(...lines), 'GET'), { code: 'service', message: /AWS_ENDPOINT_URL/ });
  });
}
