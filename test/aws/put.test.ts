import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { MultipartUpload } from '../../aws/multipart.ts';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import type { PutOptions } from '../../core/ports.ts';
import type { Fault, Faults } from '../../infra/local/s3/server.ts';
import { assertSameBytes, inChunks, readAll } from '../contracts/archive-store.ts';
import { clientOf, type LocalS3, localS3 } from './local-s3.ts';

const MiB = 1024 ** 2;
const PART_BYTES = 8 * MiB;
const LOCATION = { bucket: 'archives', key: 'k' };
const BYTES = randomBytes(27 * MiB);
const SMALL = Buffer.from('small');
const signal = new AbortController().signal;

/** The fault for the first `times` requests of an operation. */
function first(operation: string, times: number, fault: Fault): Faults {
  let seen = 0;
  return (request) => (request.operation === operation && seen++ < times ? fault : undefined);
}

const ALWAYS = Number.POSITIVE_INFINITY;
const put = ({ store }: LocalS3, bytes = BYTES, options: Partial<PutOptions> = {}) =>
  store.put(LOCATION, inChunks(bytes), { sizeBoundBytes: bytes.length, ...options });

/** The parts that came with an answer of success, by the bytes in them. */
const sentParts = (s3: LocalS3) =>
  s3.requests.filter(({ operation, status }) => operation === 'UploadPart' && status === 200);

async function assertStored(s3: LocalS3, bytes = BYTES): Promise<void> {
  s3.faults = undefined;
  assertSameBytes(await readAll(await s3.store.open(LOCATION)), bytes);
  assert.equal(await s3.unfinishedUploads(), 0);
}

/** Nothing is stored, and the next try needs to send no part again. */
async function assertGoesOn(s3: LocalS3): Promise<void> {
  s3.faults = undefined;
  await assert.rejects(s3.store.open(LOCATION), { code: 'not-found' });
  const before = sentParts(s3).length;
  await put(s3);
  assert.equal(sentParts(s3).length, Math.max(before, Math.ceil(BYTES.length / PART_BYTES)));
  await assertStored(s3);
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
  test(`put goes on after ${what}`, async () => {
    await using s3 = await localS3({ maxAttempts: 1 });
    s3.faults = faults;
    await assert.rejects(put(s3), { code });
    await assertGoesOn(s3);
  });
}

test('a failed part ends a put whose body is stuck', { timeout: 60_000 }, async () => {
  await using s3 = await localS3();
  s3.faults = first('UploadPart', ALWAYS, { status: 403, code: 'AccessDenied' });
  async function* stuck() {
    yield BYTES;
    await new Promise(() => {});
  }
  await assert.rejects(s3.store.put(LOCATION, stuck(), { sizeBoundBytes: 100 * MiB }), { code: 'access-denied' });
  await assertGoesOn(s3);
});

test('an interruption ends parts that hang', { timeout: 60_000 }, async () => {
  await using s3 = await localS3();
  const abort = new AbortController();
  s3.faults = ({ operation }) => {
    if (operation !== 'UploadPart') return undefined;
    abort.abort();
    return 'hang';
  };
  const putting = s3.store.put(LOCATION, inChunks(BYTES), { sizeBoundBytes: BYTES.length, signal: abort.signal });
  await assert.rejects(putting, { code: 'interrupted' });
  await assertGoesOn(s3);
});

test('S3 refuses a part that changed on its way', async () => {
  await using s3 = await localS3();
  const client = clientOf(s3.url);
  client.middlewareStack.add(
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
  const store = new S3ArchiveStore(client);
  await assert.rejects(put({ ...s3, store }), { code: 'service' });
  await assertGoesOn(s3);
});

const partOf = (number: number, bytes = BYTES) => bytes.subarray((number - 1) * PART_BYTES, number * PART_BYTES);

/** As a put leaves it that was killed after it had sent these parts. */
async function unfinished({ client }: LocalS3, parts: Readonly<Record<number, Buffer>>): Promise<MultipartUpload> {
  const upload = await MultipartUpload.create(client, LOCATION, { signal });
  for (const [number, bytes] of Object.entries(parts)) await upload.upload(Number(number), bytes);
  return upload;
}

test('only what is missing is sent, and progress counts it all', async () => {
  await using s3 = await localS3();
  await unfinished(s3, { 1: partOf(1), 3: partOf(3) });
  s3.requests.length = 0;
  let progress = 0;
  const onProgress = (bytes: number) => {
    progress += bytes;
  };
  await put(s3, BYTES, { onProgress });
  assert.equal(progress, BYTES.length);
  assert.deepEqual(
    sentParts(s3)
      .map(({ bytesIn }) => bytesIn)
      .sort((a, b) => a - b),
    [3 * MiB, PART_BYTES],
  );
  await assertStored(s3);
});

test('parts that are others are sent again, and those behind the end are left out', async () => {
  await using s3 = await localS3();
  const flipped = Buffer.from(partOf(2));
  flipped[7]! ^= 1;
  await unfinished(s3, { 1: partOf(1), 2: flipped, 4: partOf(4).subarray(1), 5: Buffer.from('more') });
  s3.requests.length = 0;
  await put(s3);
  assert.equal(sentParts(s3).length, 3);
  await assertStored(s3);
});

test('of several unfinished uploads the newest is taken up', async () => {
  await using s3 = await localS3();
  const old = await unfinished(s3, { 1: Buffer.from('old') });
  await new Promise((resolve) => setTimeout(resolve, 5)); // S3 keeps milliseconds
  await unfinished(s3, { 1: partOf(1), 2: partOf(2), 3: partOf(3), 4: partOf(4) });
  s3.requests.length = 0;
  await put(s3);
  assert.equal(sentParts(s3).length, 0);
  await old.abandon();
  await assertStored(s3);
});

test('uploads that another tool began, and those of other keys, are left alone', async () => {
  await using s3 = await localS3();
  const theirs = { Bucket: LOCATION.bucket, Key: LOCATION.key };
  await s3.client.send(new CreateMultipartUploadCommand(theirs));
  await s3.client.send(new CreateMultipartUploadCommand({ ...theirs, Key: `${LOCATION.key}2` }));
  await put(s3);
  assertSameBytes(await readAll(await s3.store.open(LOCATION)), BYTES);
  assert.equal(await s3.unfinishedUploads(), 2);
});

for (const operation of ['ListMultipartUploads', 'ListParts']) {
  test(`whoever may not ${operation} begins anew`, async () => {
    await using s3 = await localS3();
    await unfinished(s3, { 1: partOf(1) });
    s3.faults = first(operation, ALWAYS, { status: 403, code: 'AccessDenied' });
    await put(s3);
    s3.faults = undefined;
    assertSameBytes(await readAll(await s3.store.open(LOCATION)), BYTES);
  });
}

test('an upload that ends while it is taken up is not missed', async () => {
  await using s3 = await localS3();
  const upload = await unfinished(s3, { 1: partOf(1) });
  s3.faults = async ({ operation }) => {
    if (operation === 'ListParts') await upload.abandon();
    return undefined;
  };
  await put(s3);
  await assertStored(s3);
});

test('an upload that somebody ends later is no success', async () => {
  await using s3 = await localS3();
  const upload = await unfinished(s3, { 1: partOf(1) });
  s3.faults = async ({ operation, query }) => {
    if (operation === 'UploadPart' && query.get('partNumber') === '3') await upload.abandon();
    return undefined;
  };
  await assert.rejects(put(s3), { code: 'busy', message: /try again/ });
  await put(s3);
  await assertStored(s3);
});

test('parts that somebody sent again with the same bytes are completed', async () => {
  await using s3 = await localS3();
  const upload = await unfinished(s3, {});
  // S3 gives parts other ETags each time where it encrypts them with a key of KMS.
  s3.client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const output = result.output as { ETag?: string };
      if ('PartNumber' in args.input && args.input.PartNumber === 2) output.ETag = '"00000000000000000000000000000000"';
      return result;
    },
    { step: 'deserialize', priority: 'high' },
  );
  await put(s3);
  assert.equal(await upload.abandon(), undefined);
  await assertStored(s3);
});

test('two puts of the same bytes share an upload, and one of them at least stores it', async () => {
  for (let round = 0; round < 3; round++) {
    await using s3 = await localS3();
    await unfinished(s3, { 1: partOf(1) });
    const results = await Promise.allSettled([put(s3), put(s3)]);
    for (const result of results) {
      if (result.status === 'rejected') assert.equal(result.reason.code, 'conflict');
    }
    await assertStored(s3);
  }
});

test('two puts of different bytes that share an upload never mix them', async () => {
  const other = Buffer.from(BYTES);
  for (let at = 0; at < other.length; at += MiB) other[at]! ^= 1;
  for (let round = 0; round < 5; round++) {
    await using s3 = await localS3();
    await unfinished(s3, { 1: partOf(1) });
    const bodies = [BYTES, other];
    const results = await Promise.allSettled(bodies.map((bytes) => put(s3, bytes)));
    for (const result of results) {
      if (result.status === 'rejected') assert.match(result.reason.code, /^(conflict|busy)$/);
    }
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    if (winner >= 0) assertSameBytes(await readAll(await s3.store.open(LOCATION)), bodies[winner]!);
    else await assert.rejects(s3.store.open(LOCATION), { code: 'not-found' });
  }
});

test('memory is bounded by parts, not by the body', async () => {
  await using s3 = await localS3();
  let given = 0;
  let stored = 0;
  const chunk = Buffer.alloc(MiB);
  async function* body() {
    for (; given < 200 * MiB; given += chunk.length) {
      assert.ok(given - stored <= 72 * MiB, `${given - stored} bytes held`);
      yield chunk;
      chunk.fill(given / MiB); // it was used up
    }
  }
  const onProgress = (bytes: number) => {
    stored += bytes;
  };
  await s3.store.put(LOCATION, body(), { sizeBoundBytes: 200 * MiB, onProgress });
  const source = await s3.store.open(LOCATION);
  const last = await source.read({ start: 199 * MiB, end: 200 * MiB });
  assert.ok(last.every((byte) => byte === 198));
});

test('a put that is longer than 10,000 of the usual parts takes longer ones', async () => {
  await using s3 = await localS3();
  s3.requests.length = 0;
  await s3.store.put(LOCATION, inChunks(BYTES), { sizeBoundBytes: 100 * 1024 ** 3 });
  assert.deepEqual(
    sentParts(s3)
      .map(({ bytesIn }) => bytesIn)
      .sort((a, b) => a - b),
    [5 * MiB, 11 * MiB, 11 * MiB],
  );
  await assertStored(s3);
});
