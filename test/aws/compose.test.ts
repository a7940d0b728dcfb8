import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { PartPlan, Segment } from '../../core/bundle/plan.ts';
import { composeRequests, planParts } from '../../core/bundle/plan-parts.ts';
import type { ComposeOptions, ObjectSource } from '../../core/ports.ts';
import type { Fault, FaultRequest } from '../../infra/local/s3/server.ts';
import { assertSameBytes, inChunks, readAll } from '../contracts/archive-store.ts';
import { type LocalS3, localS3 } from './local-s3.ts';

const MiB = 1024 ** 2;
const SOURCE = { bucket: 'archives', key: 'source' };
const TARGET = { bucket: 'archives', key: 'target' };
const BYTES = randomBytes(7 * MiB);
const HEAD = randomBytes(5 * MiB);
const TAIL = Buffer.from('tail');

interface Wanted {
  readonly plan: PartPlan;
  readonly bytes: Buffer;
}

/** Copies of the same source, from another place each time, and an upload at either end. */
function wanted(copies: number): Wanted {
  const starts = Array.from({ length: copies }, (_, i) => (i % 2) * MiB);
  const segments: Segment[] = [
    { kind: 'literal', bytes: HEAD },
    ...starts.map((start): Segment => ({ kind: 'range', source: 0, range: { start, end: start + 6 * MiB } })),
    { kind: 'literal', bytes: TAIL },
  ];
  const bytes = Buffer.concat([HEAD, ...starts.map((start) => BYTES.subarray(start, start + 6 * MiB)), TAIL]);
  return { plan: planParts(segments, { crc32: crc32(bytes) }), bytes };
}

const FEW = wanted(3);

async function withSource(): Promise<LocalS3 & { source: ObjectSource }> {
  const s3 = await localS3();
  await s3.store.put(SOURCE, inChunks(BYTES), { sizeBoundBytes: BYTES.length });
  return Object.assign(s3, { source: await s3.store.open(SOURCE) });
}
const compose = ({ store, source }: LocalS3 & { source: ObjectSource }, { plan } = FEW, options: ComposeOptions = {}) =>
  store.compose(TARGET, plan, [source], options);

async function assertMade(s3: LocalS3, { bytes } = FEW): Promise<void> {
  s3.faults = undefined;
  assertSameBytes(await readAll(await s3.store.open(TARGET)), bytes);
  assert.equal(await s3.unfinishedUploads(), 0);
}

/** The fault for those requests of an operation that `chosen` picks, counted from 1. */
function on(operation: string, chosen: (count: number, request: FaultRequest) => boolean, fault: Fault) {
  let seen = 0;
  return (request: FaultRequest) => {
    if (request.operation !== operation) return undefined;
    seen += 1;
    return chosen(seen, request) ? fault : undefined;
  };
}

const count = (s3: LocalS3, operation: string) => s3.requests.filter((one) => one.operation === operation).length;

async function begin({ client }: LocalS3): Promise<string> {
  const checksum = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;
  const command = new CreateMultipartUploadCommand({ Bucket: TARGET.bucket, Key: TARGET.key, ...checksum });
  return (await client.send(command)).UploadId!;
}

async function send({ client }: LocalS3, UploadId: string, PartNumber: number, Body: Buffer): Promise<void> {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(Body));
  const part = { Bucket: TARGET.bucket, Key: TARGET.key, UploadId, PartNumber };
  await client.send(new UploadPartCommand({ ...part, Body, ChecksumCRC32: crc.toString('base64') }));
}

test('takes the requests that were foretold', async () => {
  await using s3 = await withSource();
  s3.requests.length = 0;
  await compose(s3);
  assert.equal(s3.requests.length, composeRequests(FEW.plan));
  await assertMade(s3);
});

test('paused, it ends what it has begun, and goes on with the rest', async () => {
  await using s3 = await withSource();
  const many = wanted(66); // two more than are under way at once
  const pause = new AbortController();
  s3.faults = ({ operation }) => {
    if (operation === 'UploadPartCopy') pause.abort();
    return undefined;
  };
  let progress = 0;
  const onProgress = (bytes: number) => {
    progress += bytes;
  };
  await assert.rejects(compose(s3, many, { pause: pause.signal, onProgress }), { code: 'interrupted' });
  const copied = count(s3, 'UploadPartCopy');
  assert.ok(copied > 0 && copied < 66, `${copied} copied`);
  assert.ok(progress >= copied * 6 * MiB && progress < many.bytes.length);
  assert.equal(await s3.unfinishedUploads(), 1);

  s3.faults = undefined;
  progress = 0;
  await compose(s3, many, { onProgress });
  assert.equal(progress, many.bytes.length);
  assert.equal(count(s3, 'UploadPartCopy'), 66);
  assert.equal(count(s3, 'UploadPart'), 2);
  await assertMade(s3, many);
});

test('goes on after a process that was killed', async () => {
  await using s3 = await withSource();
  const uploadId = await begin(s3);
  await send(s3, uploadId, 1, HEAD);
  s3.requests.length = 0;
  await compose(s3);
  assert.equal(count(s3, 'UploadPart'), 1);
  await assertMade(s3);
});

test('an unfinished upload that was planned otherwise is written over', async () => {
  await using s3 = await withSource();
  const uploadId = await begin(s3);
  await send(s3, uploadId, 1, Buffer.alloc(6 * MiB));
  await send(s3, uploadId, 2, Buffer.alloc(7 * MiB));
  await send(s3, uploadId, 5000, Buffer.alloc(3));
  await compose(s3);
  await assertMade(s3);
});

test('wrong bytes in an unfinished upload are noticed, and made anew', async () => {
  await using s3 = await withSource();
  await send(s3, await begin(s3), 1, Buffer.alloc(HEAD.length));
  await compose(s3);
  await assertMade(s3);
});

test('leaves uploads to other keys alone', async () => {
  await using s3 = await withSource();
  const Key = `${TARGET.key}-2`;
  await s3.client.send(new CreateMultipartUploadCommand({ Bucket: TARGET.bucket, Key }));
  await compose(s3);
  assert.equal(await s3.unfinishedUploads(), 1);
});

test('two at once make one object, and leave nothing', async () => {
  await using s3 = await withSource();
  const results = await Promise.allSettled([compose(s3), compose(s3), compose(s3)]);
  for (const result of results) {
    if (result.status === 'rejected') assert.equal(result.reason.code, 'conflict');
  }
  assert.ok(results.some(({ status }) => status === 'fulfilled'));
  await assertMade(s3);
});

test('an upload that somebody ends is begun again', async () => {
  await using s3 = await withSource();
  let ended = false;
  s3.faults = async ({ operation }) => {
    if (operation !== 'UploadPartCopy' || ended) return undefined;
    ended = true;
    const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: TARGET.bucket }));
    for (const { Key, UploadId } of Uploads) {
      await s3.client.send(new AbortMultipartUploadCommand({ Bucket: TARGET.bucket, Key, UploadId }));
    }
    return undefined;
  };
  await compose(s3);
  assert.ok(ended);
  await assertMade(s3);
});

test('an upload that is always ended fails in the end', async () => {
  await using s3 = await withSource();
  s3.faults = on('UploadPartCopy', () => true, { status: 404, code: 'NoSuchUpload' });
  await assert.rejects(compose(s3), { code: 'service', message: /NoSuchUpload/ });
  assert.equal(await s3.unfinishedUploads(), 0);
});

for (const times of [1, 2]) {
  test(`an upload whose beginning was not answered ${times} times is not left`, async () => {
    await using s3 = await withSource();
    s3.faults = on('CreateMultipartUpload', (seen) => seen <= times, 'drop-answer');
    await compose(s3);
    await assertMade(s3);
  });
}

test('uploads whose beginning was never answered are not left', async () => {
  await using s3 = await withSource();
  s3.faults = on('CreateMultipartUpload', () => true, 'drop-answer');
  await assert.rejects(compose(s3), { code: 'unreachable' });
  assert.ok(count(s3, 'CreateMultipartUpload') > 1);
  s3.faults = undefined;
  assert.equal(await s3.unfinishedUploads(), 0);
});

test('what somebody else has made meanwhile is a conflict', async () => {
  await using s3 = await withSource();
  s3.faults = async ({ operation }) => {
    if (operation === 'CompleteMultipartUpload') await s3.overwrite(TARGET, Buffer.from('other'));
    return undefined;
  };
  await assert.rejects(compose(s3), { code: 'conflict' });
  s3.faults = undefined;
  assert.equal((await readAll(await s3.store.open(TARGET))).toString(), 'other');
  assert.equal(await s3.unfinishedUploads(), 0);
});
