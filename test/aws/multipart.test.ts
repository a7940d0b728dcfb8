import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { MultipartUpload } from '../../aws/multipart.ts';
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

test('compose leaves nothing when an upload is denied while copies hang', { timeout: 60_000 }, async () => {
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

test('an upload is taken up with all its parts, also when they fill several pages', async () => {
  await using s3 = await localS3();
  const write = { signal: new AbortController().signal };
  const upload = await MultipartUpload.create(s3.client, LOCATION, write);
  for (let number = 1; number <= 1003; number++) await upload.upload(number, Buffer.from(`${number}`));
  const resumed = await MultipartUpload.resume(s3.client, LOCATION, upload.uploadId, write);
  for (let number = 1; number <= 1003; number++) assert.deepEqual(resumed?.part(number), upload.part(number));
  assert.equal(resumed?.part(1004), undefined);
  assert.equal(resumed?.uploadId, upload.uploadId);
  await upload.abandon();
  assert.equal(await MultipartUpload.resume(s3.client, LOCATION, upload.uploadId, write), undefined);
});
