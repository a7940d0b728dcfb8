import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { planParts } from '../../core/bundle/plan-parts.ts';
import type { Fault, Faults } from '../../infra/local/s3/server.ts';
import { assertSameBytes, inChunks, readAll } from '../contracts/archive-store.ts';
import { type LocalS3, localS3 } from './local-s3.ts';

const MiB = 1024 ** 2;
const LOCATION = { bucket: 'archives', key: 'k' };
const BYTES = randomBytes(18 * MiB);
const SMALL = Buffer.from('small');

/** The fault for the first `times` requests of an operation. */
function first(operation: string, times: number, fault: Fault): Faults {
  let seen = 0;
  return (request) => (request.operation === operation && seen++ < times ? fault : undefined);
}

const ALWAYS = Number.POSITIVE_INFINITY;
const put = ({ store }: LocalS3, bytes = BYTES) =>
  store.put(LOCATION, inChunks(bytes), { sizeBoundBytes: bytes.length });

async function compose({ store }: LocalS3) {
  const source = { bucket: 'archives', key: 'source ?+%.tar' };
  await store.put(source, inChunks(BYTES), { sizeBoundBytes: BYTES.length });
  const opened = await store.open(source);
  const plan = planParts([
    { kind: 'literal', bytes: SMALL },
    { kind: 'range', source: 0, range: { start: 0, end: BYTES.length } },
  ]);
  return () => store.compose(LOCATION, plan, [opened]);
}

async function assertNothingLeft(s3: LocalS3) {
  s3.faults = undefined;
  assert.equal(await s3.unfinishedUploads(), 0);
  await assert.rejects(s3.store.open(LOCATION), { code: 'not-found' });
}

const SURVIVED: readonly (readonly [what: string, faults: Faults])[] = [
  ['a part whose connection breaks', first('UploadPart', 2, 'drop')],
  ['a part whose answer is lost', first('UploadPart', 2, 'drop-answer')],
  ['a storm of SlowDown', first('UploadPart', 12, { status: 503, code: 'SlowDown' })],
  ['a completion whose answer is lost', first('CompleteMultipartUpload', 1, 'drop-answer')],
  ['a completion whose answer is lost again and again', first('CompleteMultipartUpload', ALWAYS, 'drop-answer')],
  [
    'a completion that failed after it began to answer',
    first('CompleteMultipartUpload', 1, { status: 200, code: 'InternalError' }),
  ],
  [
    'a completion that met another request',
    first('CompleteMultipartUpload', 1, { status: 409, code: 'ConditionalRequestConflict' }),
  ],
];

for (const [what, faults] of SURVIVED) {
  test(`put survives ${what}`, async () => {
    await using s3 = await localS3();
    s3.faults = faults;
    const stored = await put(s3);
    s3.faults = undefined;
    const source = await s3.store.open(LOCATION);
    assert.equal(source.etag, stored.etag);
    assertSameBytes(await readAll(source), BYTES);
    assert.equal(await s3.unfinishedUploads(), 0);
  });
}

for (const fault of ['drop', 'drop-answer'] as const) {
  test(`a small put survives ${fault}`, async () => {
    await using s3 = await localS3();
    s3.faults = first('PutObject', 1, fault);
    const stored = await put(s3, SMALL);
    assert.equal((await s3.store.open(LOCATION)).etag, stored.etag);
  });
}

test('a lost answer does not pass another object off as ours', async () => {
  await using s3 = await localS3();
  await s3.overwrite(LOCATION, Buffer.from('other'));
  s3.faults = first('PutObject', 1, 'drop');
  await assert.rejects(put(s3, SMALL), { code: 'conflict' });
  s3.faults = first('CompleteMultipartUpload', 1, 'drop');
  await assert.rejects(put(s3), { code: 'conflict' });
  assert.equal(await s3.unfinishedUploads(), 0);
  assert.equal((await readAll(await s3.store.open(LOCATION))).toString(), 'other');
});

const FATAL: readonly (readonly [what: string, faults: Faults, code: string])[] = [
  ['parts that are always throttled', first('UploadPart', ALWAYS, { status: 503, code: 'SlowDown' }), 'service'],
  ['a part that is denied', first('UploadPart', ALWAYS, { status: 403, code: 'AccessDenied' }), 'access-denied'],
  ['credentials that expire', first('UploadPart', ALWAYS, { status: 400, code: 'ExpiredToken' }), 'no-credentials'],
  [
    'a completion that always fails',
    first('CompleteMultipartUpload', ALWAYS, { status: 200, code: 'InternalError' }),
    'service',
  ],
];

for (const [what, faults, code] of FATAL) {
  test(`put leaves nothing after ${what}`, async () => {
    await using s3 = await localS3({ maxAttempts: 1 });
    s3.faults = faults;
    await assert.rejects(put(s3), { code });
    await assertNothingLeft(s3);
  });
}

test('a failed part ends a put whose body is stuck', { timeout: 10_000 }, async () => {
  await using s3 = await localS3();
  s3.faults = first('UploadPart', ALWAYS, { status: 403, code: 'AccessDenied' });
  async function* stuck() {
    yield BYTES.subarray(0, 17 * MiB);
    await new Promise(() => {});
  }
  await assert.rejects(s3.store.put(LOCATION, stuck(), { sizeBoundBytes: 100 * MiB }), { code: 'access-denied' });
  await assertNothingLeft(s3);
});

test('an interruption ends parts that hang, and leaves nothing', { timeout: 10_000 }, async () => {
  await using s3 = await localS3();
  const abort = new AbortController();
  s3.faults = ({ operation }) => {
    if (operation !== 'UploadPart') return undefined;
    abort.abort();
    return 'hang';
  };
  const putting = s3.store.put(LOCATION, inChunks(BYTES), { sizeBoundBytes: BYTES.length, signal: abort.signal });
  await assert.rejects(putting, { code: 'interrupted' });
  await assertNothingLeft(s3);
});

test('S3 refuses a part that changed on its way', async () => {
  await using s3 = await localS3();
  s3.client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body?: unknown; headers: Record<string, string> };
      if (Buffer.isBuffer(request.body) && request.body.length > MiB) {
        request.body = Buffer.from(request.body);
        (request.body as Buffer)[1000]! ^= 1;
      }
      return next(args);
    },
    { step: 'build' },
  );
  await assert.rejects(put(s3), { code: 'service' });
  await assertNothingLeft(s3);
});

test('compose moves no copied byte through us, in one request a part and two more', async () => {
  await using s3 = await localS3();
  const run = await compose(s3);
  s3.requests.length = 0;
  await run();
  const operations = s3.requests.map(({ operation }) => operation).sort();
  assert.deepEqual(operations, [
    'CompleteMultipartUpload',
    'CreateMultipartUpload',
    'GetObject',
    'UploadPart',
    'UploadPartCopy',
  ]);
  const bytesIn = s3.requests.reduce((sum, request) => sum + request.bytesIn, 0);
  assert.ok(bytesIn < 5 * MiB + 2000, `${bytesIn} bytes sent`);
  assertSameBytes(await readAll(await s3.store.open(LOCATION)), Buffer.concat([SMALL, BYTES]));
});

const COPIES: readonly (readonly [what: string, fault: Fault])[] = [
  ['fails after it began to answer', { status: 200, code: 'InternalError' }],
  ['is throttled', { status: 503, code: 'SlowDown' }],
  ['gets no answer', 'drop-answer'],
];

for (const [what, fault] of COPIES) {
  test(`compose survives a copy that ${what}`, async () => {
    await using s3 = await localS3();
    const run = await compose(s3);
    s3.faults = first('UploadPartCopy', 2, fault);
    await run();
    assertSameBytes(await readAll(await s3.store.open(LOCATION)), Buffer.concat([SMALL, BYTES]));
  });
}

test('compose leaves nothing when copies always fail', async () => {
  await using s3 = await localS3();
  const run = await compose(s3);
  s3.faults = first('UploadPartCopy', ALWAYS, { status: 200, code: 'InternalError' });
  await assert.rejects(run, { code: 'service', message: /InternalError/ });
  await assertNothingLeft(s3);
});

test('compose leaves nothing when an upload is denied while copies hang', { timeout: 10_000 }, async () => {
  await using s3 = await localS3();
  const run = await compose(s3);
  s3.faults = ({ operation }) => {
    if (operation === 'UploadPartCopy') return 'hang';
    return operation === 'UploadPart' ? { status: 403, code: 'AccessDenied' } : undefined;
  };
  await assert.rejects(run, { code: 'access-denied' });
  await assertNothingLeft(s3);
});

test('compose copies the version that was opened', async () => {
  await using s3 = await localS3({ versioned: true });
  const run = await compose(s3);
  await s3.overwrite({ bucket: 'archives', key: 'source ?+%.tar' }, randomBytes(BYTES.length));
  await run();
  assertSameBytes(await readAll(await s3.store.open(LOCATION)), Buffer.concat([SMALL, BYTES]));
});
