import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type UploadPartCommandInput,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { bytesOf, MiB, patterned, pieces, refused, startEndpoint, until } from '../endpoint.ts';

const { s3, dir } = await startEndpoint();
const Bucket = 'uploads';
await s3.send(new CreateBucketCommand({ Bucket }));

const big = patterned(5 * MiB, 3);
const small = patterned(100, 4);
const whole = Buffer.concat([big, small]);

async function begin(Key: string, input: Partial<CreateMultipartUploadCommandInput> = {}) {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...input }));
  const upload = { Bucket, Key, UploadId };
  return {
    ...upload,
    /** @returns the part as completion wants it */
    async part(PartNumber: number, Body: Buffer | Readable, more: Partial<UploadPartCommandInput> = {}) {
      const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body, ...more }));
      return { PartNumber, ETag, ...(input.ChecksumAlgorithm === 'CRC32' ? { ChecksumCRC32 } : {}) };
    },
    complete(Parts: object[], more: Partial<CompleteMultipartUploadCommandInput> = {}) {
      return s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, ...more }));
    },
    parts: (more: object = {}) => s3.send(new ListPartsCommand({ ...upload, ...more })),
    abort: () => s3.send(new AbortMultipartUploadCommand(upload)),
  };
}

const get = async (Key: string, more: object = {}) =>
  bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key, ...more })));

test('lib-storage uploads a stream in parts', async () => {
  const bytes = patterned(20 * MiB + 5, 5);
  const params = { Bucket, Key: 'lib', Body: Readable.from(pieces(bytes, 65_536)), Metadata: { a: 'b' } };
  const answer = await new Upload({ client: s3, params, partSize: 8 * MiB, queueSize: 4 }).done();
  const md5s = [0, 8, 16].map((at) => md5(bytes.subarray(at * MiB, (at + 8) * MiB)));
  assert.equal(answer.ETag, `"${md5(Buffer.concat(md5s)).toString('hex')}-3"`);
  assert.deepEqual(await get('lib'), bytes);

  const part = await s3.send(new GetObjectCommand({ Bucket, Key: 'lib', PartNumber: 2 }));
  assert.equal(part.PartsCount, 3);
  assert.equal(part.ContentRange, `bytes ${8 * MiB}-${16 * MiB - 1}/${bytes.length}`);
  assert.deepEqual(await bytesOf(part), bytes.subarray(8 * MiB, 16 * MiB));
  await refused(get('lib', { PartNumber: 4 }), 'InvalidPartNumber', 416);
  const across = await get('lib', { Range: `bytes=${8 * MiB - 3}-${16 * MiB + 2}` });
  assert.deepEqual(across, bytes.subarray(8 * MiB - 3, 16 * MiB + 3));
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'lib' }))).Metadata?.a, 'b');
});

test('composite checksums are of the parts’ checksums', async () => {
  const upload = await begin('composite', { ChecksumAlgorithm: 'CRC32' });
  const parts = [await upload.part(1, big), await upload.part(2, small)];
  assert.equal(parts[0]?.ChecksumCRC32, base64Crc32(big));
  const answer = await upload.complete(parts);
  const sums = Buffer.concat([big, small].map((bytes) => Buffer.from(base64Crc32(bytes), 'base64')));
  assert.equal(answer.ChecksumCRC32, `${base64Crc32(sums)}-2`);
  assert.equal(answer.ChecksumType, 'COMPOSITE');

  const { ObjectParts } = await s3.send(
    new GetObjectAttributesCommand({ Bucket, Key: 'composite', ObjectAttributes: ['ObjectParts'], MaxParts: 1 }),
  );
  assert.equal(ObjectParts?.TotalPartsCount, 2);
  assert.equal(ObjectParts.IsTruncated, true);
  assert.deepEqual(ObjectParts.Parts, [{ PartNumber: 1, Size: 5 * MiB, ChecksumCRC32: base64Crc32(big) }]);
});

test('a full-object checksum is combined from the parts’, and compared with the client’s', async () => {
  const upload = await begin('full', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
  const parts = [await upload.part(1, big), await upload.part(2, small)];
  const wrong = { ChecksumType: 'FULL_OBJECT', ChecksumCRC32: base64Crc32(small) } as const;
  await refused(upload.complete(parts, wrong), 'BadDigest', 400);
  const right = { ChecksumType: 'FULL_OBJECT', ChecksumCRC32: base64Crc32(whole) } as const;
  const answer = await upload.complete(parts, right);
  assert.equal(answer.ChecksumCRC32, base64Crc32(whole));
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'full', ChecksumMode: 'ENABLED' }));
  assert.equal(object.ChecksumType, 'FULL_OBJECT');
  assert.deepEqual(await bytesOf(object), whole); // the SDK has compared the checksum
});

test('the size the client expects is compared', async () => {
  const upload = await begin('size');
  const parts = [await upload.part(1, small)];
  await refused(upload.complete(parts, { MpuObjectSize: 99 }), 'InvalidRequest', 400);
  await upload.complete(parts, { MpuObjectSize: 100 });
});

test('checksums that do not fit the upload are refused', async () => {
  const upload = await begin('misfit', { ChecksumAlgorithm: 'SHA256' });
  await refused(upload.part(1, small, { ChecksumAlgorithm: 'CRC32' }), 'InvalidRequest', 400);
  const sha = { ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' } as const;
  await refused(begin('misfit', sha), 'InvalidRequest', 400);
  const composite = await begin('misfit', { ChecksumAlgorithm: 'CRC32' });
  const { PartNumber, ETag } = await composite.part(1, small);
  await refused(composite.complete([{ PartNumber, ETag }]), 'InvalidRequest', 400);
  await refused(composite.complete([{ PartNumber, ETag, ChecksumCRC32: 'AAAAAA==' }]), 'InvalidPart', 400);
  await refused(composite.complete([{ PartNumber, ETag }], { ChecksumType: 'FULL_OBJECT' }), 'InvalidRequest', 400);
});

test('a part that is sent again takes the place of the first', async () => {
  const upload = await begin('again');
  const files = async () => new Set(await readdir(join(dir, 'content')));
  const before = await files();
  await upload.part(1, big);
  const [first] = [...(await files())].filter((file) => !before.has(file));
  assert.ok(first);
  await upload.complete([await upload.part(1, small)]);
  assert.deepEqual(await get('again'), small);
  await until(async () => !(await files()).has(first), 'the first one’s file to go');
});

test('only the parts that completion names are in the object', async () => {
  const upload = await begin('some');
  await upload.part(1, big);
  const named = await upload.part(7, small);
  assert.match((await upload.complete([named])).ETag ?? '', /-1"$/);
  assert.deepEqual(await get('some'), small);
});

test('completions that break a rule are refused, and the upload goes on', async () => {
  const upload = await begin('rules');
  const [first, second] = [await upload.part(1, small), await upload.part(2, small)];
  await refused(upload.complete([first, second]), 'EntityTooSmall', 400);
  await refused(upload.complete([second, first]), 'InvalidPartOrder', 400);
  await refused(upload.complete([first, first]), 'InvalidPartOrder', 400);
  await refused(upload.complete([{ ...first, ETag: '"00000000000000000000000000000000"' }]), 'InvalidPart', 400);
  await refused(upload.complete([{ ...first, PartNumber: 3 }]), 'InvalidPart', 400);
  await refused(upload.complete([]), 'MalformedXML', 400);
  await refused(upload.part(0, small), 'InvalidArgument', 400);
  await refused(upload.part(10_001, small), 'InvalidArgument', 400);
  await refused(get('rules'), 'NoSuchKey');
  await upload.complete([first]);
});

test('a completed upload is over, and its conditions are those of a write', async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'once', Body: '1' }));
  const upload = await begin('once');
  const parts = [await upload.part(1, small)];
  await refused(upload.complete(parts, { IfNoneMatch: '*' }), 'PreconditionFailed', 412);
  assert.equal(String(await get('once')), '1');
  const { ETag } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'once' }));
  await upload.complete(parts, { IfMatch: ETag });
  assert.deepEqual(await get('once'), small);
  await refused(upload.complete(parts), 'NoSuchUpload', 404);
});

test('of two completions at once, one wins', async () => {
  const upload = await begin('twice');
  const parts = [await upload.part(1, small)];
  const outcomes = await Promise.allSettled([upload.complete(parts), upload.complete(parts)]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('an aborted upload is gone, also for a part on its way', async () => {
  const upload = await begin('aborted');
  await upload.part(1, small);
  await upload.abort();
  await refused(upload.part(2, small), 'NoSuchUpload', 404);
  await refused(upload.parts(), 'NoSuchUpload', 404);
  await refused(upload.abort(), 'NoSuchUpload', 404);

  const late = await begin('aborted');
  async function* body() {
    yield small.subarray(0, 50);
    await late.abort();
    yield small.subarray(50);
  }
  await refused(late.part(1, Readable.from(body()), { ContentLength: small.length }), 'NoSuchUpload', 404);
});

test('an upload belongs to its key', async () => {
  const upload = await begin('mine');
  const elsewhere = { Bucket, Key: 'yours', UploadId: upload.UploadId, PartNumber: 1, Body: small };
  await refused(s3.send(new UploadPartCommand(elsewhere)), 'NoSuchUpload', 404);
});

test('parts are listed by number, in pages', async () => {
  const upload = await begin('listed', { ChecksumAlgorithm: 'CRC32' });
  for (const number of [10, 2, 1]) await upload.part(number, small);
  const first = await upload.parts({ MaxParts: 2 });
  assert.deepEqual(
    first.Parts?.map((part) => [part.PartNumber, part.Size]),
    [
      [1, 100],
      [2, 100],
    ],
  );
  assert.equal(first.Parts?.[0]?.ChecksumCRC32, base64Crc32(small));
  assert.deepEqual([first.IsTruncated, first.NextPartNumberMarker], [true, '2']);
  const second = await upload.parts({ PartNumberMarker: '2' });
  assert.deepEqual(
    second.Parts?.map((part) => part.PartNumber),
    [10],
  );
  assert.equal(second.IsTruncated, false);
});

test('uploads are listed by key and age, in pages', async () => {
  const keys = ['pages/a', 'pages/a', 'pages/b', 'pages/c/d', 'pages/c/e'];
  const ids = [];
  for (const key of keys) ids.push((await begin(key)).UploadId);
  const seen: unknown[] = [];
  let marker: object = {};
  for (let more = true; more; ) {
    const input = { Bucket, Prefix: 'pages/', Delimiter: '/', MaxUploads: 1, ...marker };
    const page = await s3.send(new ListMultipartUploadsCommand(input));
    seen.push(...(page.Uploads ?? []).map(({ UploadId }) => UploadId));
    seen.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
    marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    more = page.IsTruncated === true;
  }
  assert.deepEqual(seen, [...ids.slice(0, 3), 'pages/c/']);
});

function md5(bytes: Buffer): Buffer {
  return createHash('md5').update(bytes).digest();
}

function base64Crc32(bytes: Buffer): string {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(bytes));
  return crc.toString('base64');
}
