import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { ClientOptions } from '../../aws/clients.ts';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import { assertSameBytes, inChunks, readAll } from '../contracts/archive-store.ts';
import { refusingPort } from '../refusing-port.ts';
import { clientOf, localS3 } from './local-s3.ts';

const MiB = 1024 ** 2;
const LOCATION = { bucket: 'archives', key: 'k' };

async function listening(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function storeAt(url: string, options: ClientOptions = {}, stallMs = 200): S3ArchiveStore {
  return new S3ArchiveStore(clientOf(url, { stallMs, ...options }));
}

test('what an answer brought before it broke off is not asked for again', async () => {
  await using s3 = await localS3();
  const bytes = randomBytes(20 * MiB);
  await s3.store.put(LOCATION, inChunks(bytes), { sizeBoundBytes: bytes.length });
  let cuts = 0;
  s3.faults = ({ operation }) => (operation === 'GetObject' && cuts++ % 2 === 0 ? { cutAfterBytes: MiB } : undefined);
  const source = await s3.store.open(LOCATION);
  s3.requests.length = 0;
  assertSameBytes(await readAll(source), bytes);
  assert.ok(cuts > 3, `${cuts} requests`);
  const sent = s3.requests.reduce((sum, { bytesOut }) => sum + bytesOut, 0);
  assert.ok(sent < bytes.length * 1.5, `${sent} bytes sent`);
});

test('an object is opened, and its end read, by one request', async () => {
  await using s3 = await localS3();
  const bytes = randomBytes(5000);
  await s3.store.put(LOCATION, inChunks(bytes), { sizeBoundBytes: bytes.length });
  s3.requests.length = 0;
  const source = await s3.store.open(LOCATION, { tailBytes: 1000 });
  assertSameBytes(await source.read({ start: 4100, end: 5000 }), bytes.subarray(4100));
  // Nobody keeps it for longer.
  assertSameBytes(await source.read({ start: 4100, end: 5000 }), bytes.subarray(4100));
  for (let waits = 0; s3.requests.length < 2 && waits < 500; waits++) await delay(10);
  assert.deepEqual(
    s3.requests.map(({ operation, bytesOut }) => [operation, bytesOut]),
    [
      ['GetObject', 1000],
      ['GetObject', 900],
    ],
  );
  await s3.overwrite(LOCATION, Buffer.alloc(5000));
  await assert.rejects(source.read({ start: 4100, end: 5000 }), { code: 'source-changed' });
});

test('an object is opened at an endpoint that knows no ranges from the end', async (t) => {
  const bytes = randomBytes(5000);
  for (const contentRange of [undefined, 'bytes 0-4999/*', 'bytes 0-999/5000', 'bytes 3999-4998/5000']) {
    const requests: (string | undefined)[] = [];
    const server = createHttpServer(({ method, headers: { range } }, answer) => {
      requests.push(`${method} ${range}`);
      const all = { etag: '"e"', 'last-modified': new Date(0).toUTCString(), 'content-length': bytes.length };
      const isPart = contentRange !== undefined || range === 'bytes=4000-4999';
      const told = range === 'bytes=4000-4999' ? 'bytes 4000-4999/5000' : contentRange;
      if (method === 'HEAD') answer.writeHead(200, all).end();
      else if (!isPart) answer.writeHead(200, all).end(bytes);
      else answer.writeHead(206, { ...all, 'content-length': 1000, 'content-range': told }).end(bytes.subarray(4000));
    });
    const store = storeAt(await listening(t, server));
    const source = await store.open(LOCATION, { tailBytes: 1000 });
    assert.equal(source.sizeBytes, 5000);
    assertSameBytes(await source.read({ start: 4000, end: 5000 }), bytes.subarray(4000));
    assert.deepEqual(requests, ['GET bytes=-1000', 'HEAD undefined', 'GET bytes=4000-4999'], contentRange);
    server.closeAllConnections();
  }
});

test('answers that always break off are an error in the end', async () => {
  await using s3 = await localS3();
  await s3.store.put(LOCATION, inChunks(Buffer.alloc(100)), { sizeBoundBytes: 100 });
  const source = await s3.store.open(LOCATION);
  s3.faults = ({ operation }) => (operation === 'GetObject' ? { cutAfterBytes: 0 } : undefined);
  await assert.rejects(source.read({ start: 0, end: 100 }), { code: 'unreachable', message: /s3:\/\/archives\/k/ });
});

test('throttled reads go on later', async () => {
  await using s3 = await localS3();
  await s3.store.put(LOCATION, inChunks(Buffer.from('abc')), { sizeBoundBytes: 3 });
  const source = await s3.store.open(LOCATION);
  let refused = 0;
  s3.faults = () => (refused++ < 4 ? { status: 503, code: 'SlowDown' } : undefined);
  assert.equal((await source.read({ start: 0, end: 3 })).toString(), 'abc');
});

/** An endpoint that knows one object of the given bytes, and lets `get` answer for its ranges. */
async function oneObject(
  t: TestContext,
  bytes: Buffer,
  get: (answer: ServerResponse, range: Buffer) => void,
  stallMs = 200,
) {
  const server = createHttpServer((request, answer) => {
    const headers = { etag: '"e"', 'last-modified': new Date(0).toUTCString() };
    if (request.method === 'HEAD') {
      answer.writeHead(200, { ...headers, 'content-length': bytes.length }).end();
      return;
    }
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    const range = bytes.subarray(Number(first), Number(last) + 1);
    const contentRange = `bytes ${first}-${last}/${bytes.length}`;
    answer.writeHead(206, { ...headers, 'content-length': range.length, 'content-range': contentRange });
    get(answer, range);
  });
  t.after(() => server.closeAllConnections());
  return await storeAt(await listening(t, server), {}, stallMs).open(LOCATION);
}

test('an answer that stalls is asked for again, from where it stalled', async (t) => {
  const asked: number[] = [];
  const source = await oneObject(t, Buffer.from('0123456789'), (answer, range) => {
    asked.push(range.length);
    if (asked.length === 1) answer.write(range.subarray(0, 4));
    else answer.end(range);
  });
  assert.equal((await source.read({ start: 0, end: 10 })).toString(), '0123456789');
  assert.deepEqual(asked, [10, 6]);
});

test('the rest of an answer that is much slower than others is asked for elsewhere', { timeout: 60_000 }, async (t) => {
  const asked: number[] = [];
  const landed = Promise.withResolvers<void>();
  const slow = Promise.withResolvers<void>();
  const bytes = randomBytes(50_000);
  t.mock.timers.enable({ apis: ['setInterval'] });
  const source = await oneObject(
    t,
    bytes,
    (answer, range) => {
      asked.push(range.length);
      if (asked.length !== 5) return answer.end(range);
      answer.write(range.subarray(0, 20_000), () => landed.resolve());
      return answer.on('close', slow.resolve);
    },
    60_000,
  );
  const whole = { start: 0, end: bytes.length };
  for (let i = 0; i < 4; i++) assertSameBytes(await source.read(whole), bytes);
  void landed.promise.then(async () => {
    for (let turns = 0; turns < 20; turns++) await nextTurn();
    t.mock.timers.tick(60_000);
  });
  for await (const chunk of source.stream(whole)) {
    await slow.promise; // the loser was cut off: nothing may write to the chunk
    assertSameBytes(chunk, bytes);
  }
  assert.deepEqual(asked, [50_000, 50_000, 50_000, 50_000, 50_000, 30_000]);
});

test('time in which this process stood still makes no answer slow', async (t) => {
  const asked = [0, 0];
  let turn = 0;
  const bytes = randomBytes(8 * MiB);
  const get = (answer: ServerResponse, range: Buffer) => {
    asked[turn]! += 1;
    answer.end(range);
    if (turn === 1 && asked[1] === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
  };
  const source = await oneObject(t, bytes, get, 60_000);
  for (turn of [0, 1]) assertSameBytes(await source.read({ start: 0, end: bytes.length }), bytes);
  assert.equal(asked[1], asked[0]);
});

test('reads fill the memory they are given', async () => {
  await using s3 = await localS3();
  const bytes = randomBytes(20 * MiB);
  await s3.store.put(LOCATION, inChunks(bytes), { sizeBoundBytes: bytes.length });
  const source = await s3.store.open(LOCATION);
  const memory = Buffer.alloc(20 * MiB + 10, 7);
  for (const [start, end] of [
    [3, 19 * MiB],
    [0, 20 * MiB],
    [5, 5],
  ] as const) {
    const read = await source.read({ start, end }, memory);
    assert.deepEqual([read.buffer, read.byteOffset, read.length], [memory.buffer, memory.byteOffset, end - start]);
    assertSameBytes(read, bytes.subarray(start, end));
  }
  assert.ok(memory.subarray(20 * MiB).every((byte) => byte === 7));
});

test('storms of SlowDown, resets and stalls change nothing but the time', async () => {
  await using s3 = await localS3({ stallMs: 500, answerTimeoutMs: 500 });
  const bytes = randomBytes(40 * MiB);
  await s3.store.put(LOCATION, inChunks(bytes), { sizeBoundBytes: bytes.length });
  const source = await s3.store.open(LOCATION);
  let asked = 0;
  s3.faults = ({ operation }) => {
    if (operation !== 'GetObject') return undefined;
    asked += 1;
    if (asked > 20) return asked % 3 === 0 ? { cutAfterBytes: (asked * 100_003) % (6 * MiB) } : undefined;
    return (['drop', 'hang', { status: 503, code: 'SlowDown' }, { cutAfterBytes: MiB }] as const)[asked % 4];
  };
  assertSameBytes(await readAll(source), bytes);
  assert.ok(asked > 20);
});

test('an endpoint that ignores the range is found out', async (t) => {
  const server = createHttpServer((request, answer) => {
    const body = request.method === 'HEAD' ? undefined : '0123456789';
    answer.writeHead(200, { etag: '"e"', 'content-length': 10, 'last-modified': new Date(0).toUTCString() }).end(body);
  });
  t.after(() => server.closeAllConnections());
  const source = await storeAt(await listening(t, server)).open(LOCATION);
  await assert.rejects(source.read({ start: 2, end: 5 }), { code: 'service', message: /bytes 2 to 5/ });
});

test('leaving a stream early ends the requests under way', { timeout: 60_000 }, async (t) => {
  let open = 0;
  const closed = Promise.withResolvers<void>();
  const source = await oneObject(
    t,
    Buffer.alloc(40 * MiB),
    (answer, range) => {
      open += 1;
      answer.on('close', () => {
        open -= 1;
        if (open === 0) closed.resolve();
      });
      if (open === 1) answer.end(range);
      else answer.write('a');
    },
    60_000,
  );
  for await (const _ of source.stream({ start: 0, end: 40 * MiB })) break;
  await closed.promise;
});

test('a versioned object is read on although it was replaced', async () => {
  await using s3 = await localS3({ versioned: true });
  const stored = await s3.store.put(LOCATION, inChunks(Buffer.from('old')), { sizeBoundBytes: 3 });
  const source = await s3.store.open(LOCATION);
  assert.ok(source.location.versionId);
  assert.deepEqual(stored.location, source.location);
  await s3.overwrite(LOCATION, Buffer.from('new'));
  assert.equal((await source.read({ start: 0, end: 3 })).toString(), 'old');
  assert.equal((await readAll(await s3.store.open(LOCATION))).toString(), 'new');
  assert.equal((await readAll(await s3.store.open(source.location))).toString(), 'old');
});

test('wrong credentials are told apart from missing permissions', async () => {
  await using s3 = await localS3();
  const stranger = storeAt(s3.url, { credentials: { accessKeyId: 'AKIDOTHER', secretAccessKey: 'secret' } });
  await assert.rejects(stranger.open(LOCATION), { code: 'access-denied', message: /does not accept the credentials/ });
  const guess = storeAt(s3.url, { credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'wrong' } });
  await assert.rejects(guess.open(LOCATION), { code: 'access-denied', message: /does not accept the credentials/ });

  s3.faults = () => ({ status: 403, code: 'AccessDenied', message: 'Access Denied' });
  await assert.rejects(s3.store.open(LOCATION), { code: 'access-denied', message: /refuses access.*Access Denied/ });
  s3.faults = () => ({ status: 400, code: 'ExpiredToken' });
  await assert.rejects(s3.store.open(LOCATION), { code: 'no-credentials', message: /expired/ });
});

test('an endpoint where nobody listens is unreachable at once', { timeout: 60_000 }, async (t) => {
  const url = `http://127.0.0.1:${await refusingPort(t)}`;
  await assert.rejects(storeAt(url).open(LOCATION), { code: 'unreachable', message: /ECONNREFUSED 127\.0\.0\.1/ });
});

test('an endpoint that accepts and never answers is unreachable within seconds', { timeout: 25_000 }, async (t) => {
  const sockets = new Set<{ destroy(): void }>();
  const url = await listening(
    t,
    createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    }),
  );
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const store = storeAt(url, { answerTimeoutMs: 200 });
  await assert.rejects(store.open(LOCATION), { code: 'unreachable', message: /does not answer/ });
  for (let waits = 0; sockets.size < 3 && waits < 500; waits++) await delay(10);
  assert.equal(sockets.size, 3);
  await assert.rejects(store.put(LOCATION, inChunks(Buffer.alloc(17 * MiB)), { sizeBoundBytes: 17 * MiB }), {
    code: 'unreachable',
  });
});

test('a store that knows the bucket asks once whether a key is there', async () => {
  await using s3 = await localS3();
  s3.requests.length = 0;
  for (let i = 0; i < 3; i++) {
    const location = { ...LOCATION, key: `${i}` };
    await assert.rejects(s3.store.open(location), { code: 'not-found', subject: location });
  }
  assert.deepEqual(
    s3.requests.map(({ operation }) => operation),
    ['HeadObject', 'GetObject', 'HeadObject', 'HeadObject'],
  );
});
