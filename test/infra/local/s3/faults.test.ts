import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { Fault, FaultRequest } from '../../../../infra/local/s3/server.ts';
import { bytesOf, clientOf, MiB, patterned, refused, startEndpoint, until } from './endpoint.ts';

/** The faults of the next requests; none once they are used up. */
let plan: (Fault | undefined | ((request: FaultRequest) => Fault | undefined))[] = [];
const { s3, url, requests } = await startEndpoint({
  faults: async (request) => {
    const next = plan.shift();
    return typeof next === 'function' ? next(request) : next;
  },
});
const Bucket = 'faulty';
await s3.send(new CreateBucketCommand({ Bucket }));
const bytes = patterned(3 * MiB);
await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: bytes }));

const get = () => s3.send(new GetObjectCommand({ Bucket, Key: 'k' }));

/** The SDK's error when there is no answer from S3. */
const disconnected = { message: /socket hang up|ECONNRESET/ };

test('an error instead of an answer, which clients retry', async () => {
  plan = [{ status: 503, code: 'SlowDown' }];
  const error = await refused(get(), 'SlowDown', 503);
  assert.equal(error.message, 'This was asked for.');
  plan = [
    { status: 503, code: 'SlowDown' },
    { status: 500, code: 'InternalError' },
  ];
  const patient = clientOf(url, { maxAttempts: 3, retryMode: 'standard' });
  assert.deepEqual(await bytesOf(await patient.send(new GetObjectCommand({ Bucket, Key: 'k' }))), bytes);
});

test('an error for a large upload reaches the client', async () => {
  plan = [{ status: 503, code: 'SlowDown' }];
  const large = new PutObjectCommand({ Bucket, Key: 'large', Body: patterned(16 * MiB) });
  await refused(s3.send(large), 'SlowDown', 503);
  await refused(s3.send(new HeadObjectCommand({ Bucket, Key: 'large' })), 'NotFound');
});

test('an error within a success', async () => {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm' }));
  const part = { Bucket, Key: 'm', UploadId, PartNumber: 1 };
  const { ETag } = await s3.send(new UploadPartCommand({ ...part, Body: 'x' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  const complete = () => s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'm', UploadId, MultipartUpload }));
  const fault = { status: 200, code: 'InternalError' };
  for (const send of [
    complete,
    () => s3.send(new UploadPartCopyCommand({ ...part, CopySource: `${Bucket}/k` })),
    () => s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` })),
  ]) {
    plan = [fault];
    const before = requests.length;
    await refused(send(), 'InternalError');
    await until(
      () => requests.slice(before).some(({ status, code }) => status === 200 && code === fault.code),
      'the record',
    );
  }
  await complete(); // nothing was done before
});

test('a connection that closes before anything is done', async () => {
  plan = ['drop'];
  await assert.rejects(s3.send(new PutObjectCommand({ Bucket, Key: 'dropped', Body: 'x' })), disconnected);
  await refused(s3.send(new HeadObjectCommand({ Bucket, Key: 'dropped' })), 'NotFound');
});

test('a connection that closes when all is done', async () => {
  plan = ['drop-answer'];
  await assert.rejects(s3.send(new PutObjectCommand({ Bucket, Key: 'unanswered', Body: 'x' })), disconnected);
  await until(() => requests.some(({ key, status }) => key === 'unanswered' && status === 0), 'the record');
  await s3.send(new HeadObjectCommand({ Bucket, Key: 'unanswered' }));
});

test('no answer when all is done', async () => {
  plan = ['hang-answer'];
  const abort = new AbortController();
  const put = new PutObjectCommand({ Bucket, Key: 'late', Body: 'x' });
  const answer = s3.send(put, { abortSignal: abort.signal });
  await until(() => plan.length === 0, 'the request');
  const isThere = () =>
    s3.send(new HeadObjectCommand({ Bucket, Key: 'late' })).then(
      () => true,
      () => false,
    );
  await until(isThere, 'the object');
  abort.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  await s3.send(new HeadObjectCommand({ Bucket, Key: 'late' }));
});

test('a body that ends early', async () => {
  plan = [{ cutAfterBytes: MiB + 5 }];
  const { Body } = await get();
  let received = 0;
  await assert.rejects(async () => {
    for await (const chunk of Body as AsyncIterable<Buffer>) received += chunk.length;
  });
  assert.ok(received <= MiB + 5);
  await until(() => requests.some(({ bytesOut }) => bytesOut === MiB + 5), 'the record');
});

test('no answer at all, until the client gives up', async () => {
  plan = ['hang'];
  const abort = new AbortController();
  const answer = s3.send(new GetObjectCommand({ Bucket, Key: 'hung' }), { abortSignal: abort.signal });
  await until(() => plan.length === 0, 'the request');
  abort.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  await until(() => requests.some(({ key, status }) => key === 'hung' && status === 0), 'the record');
});

test('a fault is chosen by what the request is', async () => {
  let seen: FaultRequest | undefined;
  plan = [
    (request) => {
      seen = request;
      return undefined;
    },
  ];
  await bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key: 'k', Range: 'bytes=0-9' })));
  assert.deepEqual(
    [seen?.operation, seen?.bucket, seen?.key, seen?.headers.range],
    ['GetObject', Bucket, 'k', 'bytes=0-9'],
  );
});

test('requests are reported with their bytes', async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'r/1', Body: bytes }));
  await bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key: 'r/1', Range: 'bytes=0-9' })));
  await refused(s3.send(new GetObjectCommand({ Bucket, Key: 'r/2' })), 'NoSuchKey');
  const record = (of: string, key: string) => {
    const found = requests.find((request) => request.operation === of && request.key === key);
    return found && [found.status, found.code, found.bytesIn, found.bytesOut];
  };
  await until(() => requests.filter(({ key }) => key.startsWith('r/')).length === 3, 'the records');
  assert.deepEqual(record('PutObject', 'r/1'), [200, undefined, bytes.length, 0]);
  assert.deepEqual(record('GetObject', 'r/1'), [206, undefined, 0, 10]);
  assert.deepEqual(record('GetObject', 'r/2')?.slice(0, 3), [404, 'NoSuchKey', 0]);
});

test('an endpoint with a hanging request closes', async () => {
  let hung = false;
  const faults = () => {
    hung = true;
    return 'hang' as const;
  };
  const { s3: hanging, close, requests: records } = await startEndpoint({ faults });
  const rejected = assert.rejects(hanging.send(new CreateBucketCommand({ Bucket })), disconnected);
  await until(() => hung, 'the request');
  await close();
  await rejected;
  assert.equal(records.length, 1);
});
