import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Landing } from '../../../aws/transfer/landing.ts';
import { WireHandler, type WireOptions } from '../../../aws/transfer/wire-handler.ts';
import type { SignedRequest } from '../../../aws/transfer/wire-request.ts';
import { refusingPort } from '../../refusing-port.ts';
import { listening, ok, type RawServer, rawServer } from './servers.ts';

const TIMEOUTS = { connectMs: 5_000, answerMs: 5_000, stallMs: 5_000 };

function handlerFor(t: TestContext, timeouts: Partial<typeof TIMEOUTS> = {}): WireHandler {
  const handler = new WireHandler({ ...TIMEOUTS, ...timeouts });
  t.after(() => handler.destroy());
  return handler;
}

function requestTo(port: number, more: Partial<SignedRequest> = {}): SignedRequest {
  return { method: 'GET', protocol: 'http:', hostname: '127.0.0.1', port, path: '/b/k', headers: {}, ...more };
}

async function send(handler: WireHandler, request: SignedRequest, options?: WireOptions) {
  const { response } = await handler.handle(request, options);
  return { status: response.statusCode, headers: response.headers, body: await text(response.body) };
}

/** The other side's half of the first connection has ended, which it may learn of last. */
async function gone({ connections }: RawServer): Promise<void> {
  for (let turns = 0; connections.length === 0 && turns < 10_000; turns++) await turn();
  await closed(connections[0]!);
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

test('a request as it was signed, with its length and its host', async (t) => {
  const server = await rawServer(t, (socket) => socket.write(ok('hello', 'X-Amz-Request-Id: 7')));
  const request = requestTo(server.port, {
    method: 'PUT',
    path: '/b/a%20b',
    query: { 'x-id': 'PutObject', uploads: null, empty: '', list: ['b', 'a'], 'ä!': "c'd e" },
    headers: { 'x-amz-date': 'today' },
    body: Buffer.from('body'),
  });
  const { status, headers, body } = await send(handlerFor(t), request);
  assert.deepEqual([status, body, headers['x-amz-request-id']], [200, 'hello', '7']);
  assert.deepEqual(server.requests[0]?.split('\r\n'), [
    'PUT /b/a%20b?empty=&list=b&list=a&uploads&x-id=PutObject&%C3%A4%21=c%27d%20e HTTP/1.1',
    'x-amz-date: today',
    `host: 127.0.0.1:${server.port}`,
    'content-length: 4',
    '',
    'body',
  ]);
});

test('a POST without a body says so', async (t) => {
  const server = await rawServer(t, (socket) => socket.write(ok('')));
  await send(handlerFor(t), requestTo(server.port, { method: 'POST' }));
  assert.match(server.requests[0] ?? '', /\r\ncontent-length: 0\r\n/);
});

for (const [what, more] of [
  ['a header', { headers: { 'x-amz-meta-a': 'b\r\nx-amz-acl: public-read' } }],
  ['a header name', { headers: { 'a\r\nb': 'c' } }],
  ['a path', { path: '/b/k HTTP/1.1\r\nx: y' }],
  ['a method', { method: 'GET /' }],
] as const) {
  test(`${what} that would break out of its line is not sent`, async (t) => {
    const server = await rawServer(t, (socket) => socket.write(ok('')));
    await assert.rejects(send(handlerFor(t), requestTo(server.port, more)), TypeError);
    assert.equal(server.requests.length, 0);
  });
}

test('one connection serves requests one after the other, several serve them at once', async (t) => {
  const server = await rawServer(t, (socket, number) => socket.write(ok(`${number}`)));
  const handler = handlerFor(t);
  const request = requestTo(server.port);
  for (let i = 1; i <= 3; i++) assert.equal((await send(handler, request)).body, `${i}`);
  assert.equal(server.connections.length, 1);
  await Promise.all([send(handler, request), send(handler, request), send(handler, request)]);
  assert.equal(server.connections.length, 3);
  await Promise.all([send(handler, request), send(handler, request), send(handler, request)]);
  assert.equal(server.connections.length, 3);
});

for (const [what, answer] of [
  ['says that it closes', ok('a', 'Connection: close')],
  ['sends more than its answer', `${ok('a')}HTTP/1.1 200 OK\r\n`],
] as const) {
  test(`a connection whose server ${what} is not used again`, async (t) => {
    const server = await rawServer(t, (socket) => socket.write(answer));
    const handler = handlerFor(t);
    for (let i = 0; i < 2; i++) assert.equal((await send(handler, requestTo(server.port))).body, 'a');
    assert.equal(server.connections.length, 2);
    await gone(server);
  });
}

test('a connection that its server closed meanwhile is not used again', async (t) => {
  const server = await rawServer(t, (socket) => socket.write(ok('a')));
  const handler = handlerFor(t);
  await send(handler, requestTo(server.port));
  server.connections[0]?.end();
  await gone(server);
  await send(handler, requestTo(server.port));
  assert.equal(server.connections.length, 2);
});

test('an answer lands in the memory that was meant for it, and nothing else does', async (t) => {
  const server = await rawServer(t, (socket, number) => socket.write(ok(`${number}`.repeat(100_000))));
  const handler = handlerFor(t);
  const memory = Buffer.alloc(100_010, '-');
  for (const number of ['1', '2']) {
    const landing = new Landing(memory.subarray(5, 100_005));
    const { body, headers } = await send(handler, requestTo(server.port), { landing });
    assert.deepEqual([body, headers['content-length'], landing.received], ['', '100000', 100_000]);
    assert.equal(memory.toString(), `-----${number.repeat(100_000)}-----`);
  }
  assert.equal(server.connections.length, 1);
});

test('large bodies go out as they are, one after the other', async (t) => {
  const server = await rawServer(t, (socket, _, request) => socket.write(ok(request.slice(-5_000_000))));
  const handler = handlerFor(t);
  const body = Buffer.from(Array.from({ length: 5_000_000 }, (_, i) => 97 + (i % 26)));
  for (let i = 0; i < 5; i++) {
    const answer = await send(handler, requestTo(server.port, { method: 'PUT', body }));
    assert.ok(answer.body === body.toString());
  }
  assert.equal(server.connections.length, 1);
});

test('a refusal that comes before all is sent ends the sending', async (t) => {
  const port = await listening(
    t,
    createServer((socket) =>
      socket.once('data', () => {
        socket.pause();
        socket.write(`HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nslow`);
      }),
    ),
  );
  const onPressure = t.mock.fn();
  const body = Buffer.alloc(64 * 1024 * 1024);
  const answer = await send(handlerFor(t), requestTo(port, { method: 'PUT', body }), { onPressure });
  assert.deepEqual([answer.status, answer.body, onPressure.mock.callCount()], [503, 'slow', 1]);
});

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';
const BREAKS = [
  ['before the answer', ''],
  ['in the head', HEAD.slice(0, 20)],
  ['in the body', `${HEAD}12345`],
] as const;

for (const [where, sent] of BREAKS) {
  for (const how of ['destroy', 'end', 'reset'] as const) {
    test(`a connection that breaks ${where} (${how})`, async (t) => {
      const server = await rawServer(t, (socket) => {
        socket.write(sent, () => {
          if (how === 'reset') socket.resetAndDestroy();
          else if (how === 'destroy') socket.destroy();
          else socket.end();
        });
      });
      await assert.rejects(send(handlerFor(t), requestTo(server.port)), { code: 'ECONNRESET' });
    });
  }

  test(`a connection that falls silent ${where}`, { timeout: 60_000 }, async (t) => {
    const server = await rawServer(t, (socket) => socket.write(sent));
    const onPressure = t.mock.fn();
    const options = { onPressure, requestTimeout: 100 };
    const sending = send(handlerFor(t, { stallMs: 100 }), requestTo(server.port), options);
    await assert.rejects(sending, { name: 'TimeoutError' });
    assert.equal(onPressure.mock.callCount(), 1);
    await gone(server);
  });

  test(`an abort ${where}`, { timeout: 60_000 }, async (t) => {
    const abort = new AbortController();
    const server = await rawServer(t, (socket) => socket.write(sent, () => abort.abort()));
    const sending = send(handlerFor(t), requestTo(server.port), { abortSignal: abort.signal });
    await assert.rejects(sending, { name: 'AbortError' });
    await gone(server);
  });
}

test('an abort before it begins', async (t) => {
  const server = await rawServer(t, (socket) => socket.write(ok('')));
  const sending = send(handlerFor(t), requestTo(server.port), { abortSignal: AbortSignal.abort() });
  await assert.rejects(sending, { name: 'AbortError' });
  assert.equal(server.requests.length, 0);
});

test('what has landed when the connection breaks is said to be broken, so that it is not asked for again whole', async (t) => {
  const server = await rawServer(t, (socket) => socket.end(`${HEAD}12345`));
  const landing = new Landing(Buffer.alloc(10, '-'));
  await assert.rejects(send(handlerFor(t), requestTo(server.port), { landing }), { name: 'BrokenBody' });
  assert.deepEqual([landing.received, landing.bytes.toString()], [5, '12345-----']);
});

test('after an abort nothing is written to the landing any more', async (t) => {
  const abort = new AbortController();
  const server = await rawServer(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n`);
    socket.write(Buffer.alloc(50_000_000, 'x'));
  });
  const landing = new Landing(Buffer.alloc(50_000_000), () => abort.abort());
  await assert.rejects(send(handlerFor(t), requestTo(server.port), { landing, abortSignal: abort.signal }), {
    name: 'AbortError',
  });
  landing.bytes.fill(0);
  for (let i = 0; i < 50; i++) await turn();
  await gone(server);
  assert.ok(landing.bytes.every((byte) => byte === 0));
});

for (const [what, answer] of [
  ['is another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ['does not say its length', 'HTTP/1.1 200 OK\r\n\r\nabc'],
  ['is malformed', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
] as const) {
  test(`an answer that ${what} is refused, and its connection ends`, async (t) => {
    const server = await rawServer(t, (socket) => socket.write(answer));
    await assert.rejects(send(handlerFor(t), requestTo(server.port)), { code: 'service', message: /HTTP answer/ });
    await gone(server);
  });
}

test('nobody listens', async (t) => {
  const port = await refusingPort(t);
  await assert.rejects(send(handlerFor(t), requestTo(port)), { code: 'ECONNREFUSED', port });
});

test('a name that has no address', async (t) => {
  const request = { ...requestTo(80), hostname: 'does-not-exist.invalid' };
  await assert.rejects(send(handlerFor(t), request), ({ code }) => code === 'ENOTFOUND' || code === 'EAI_AGAIN');
});

test('destroying ends what is under way and what waits', async (t) => {
  const server = await rawServer(t, (socket, number) => number === 1 && socket.write(ok('')));
  const handler = handlerFor(t);
  await send(handler, requestTo(server.port));
  const sending = send(handler, requestTo(server.port));
  const other = send(handler, requestTo(server.port));
  await Promise.all([assert.rejects(sending), assert.rejects(other), turn().then(() => handler.destroy())]);
  await Promise.all(server.connections.map(closed));
});
