import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  type CopyObjectCommandInput,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type UploadPartCopyCommandInput,
} from '@aws-sdk/client-s3';
import type { S3Endpoint } from '../../../../../infra/local/s3/server.ts';
import { bytesOf, clientOf, MiB, patterned, refused, startEndpoint } from '../endpoint.ts';

const { s3, dir } = await startEndpoint();
const [Source, Bucket] = ['source', 'target'];
for (const name of [Source, Bucket]) await s3.send(new CreateBucketCommand({ Bucket: name }));

const bytes = patterned(12 * MiB + 5, 9);
const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
await s3.send(
  new PutObjectCommand({ Bucket: Source, Key: 'a', Body: bytes, Metadata: { from: 'a' }, Tagging: 'tag=old' }),
);

const get = async (Key: string) => bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key })));
const copy = (input: Partial<CopyObjectCommandInput> = {}) =>
  s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Source}/a`, ...input }));

async function begin(Key: string, input: Partial<CreateMultipartUploadCommandInput> = {}) {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...input }));
  const upload = { Bucket, Key, UploadId };
  return {
    ...upload,
    async copy(PartNumber: number, more: Partial<UploadPartCopyCommandInput> = {}) {
      const { CopyPartResult } = await s3.send(
        new UploadPartCopyCommand({ ...upload, PartNumber, CopySource: `${Source}/a`, ...more }),
      );
      assert.ok(CopyPartResult);
      return { PartNumber, ...CopyPartResult };
    },
    complete: (Parts: object[]) =>
      s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } })),
  };
}

test('a copy has the bytes, the metadata and the tags', async () => {
  const answer = await copy({ Key: 'plain' });
  assert.equal(answer.CopyObjectResult?.ETag, etag);
  assert.deepEqual(await get('plain'), bytes);
  assert.deepEqual((await s3.send(new HeadObjectCommand({ Bucket, Key: 'plain' }))).Metadata, { from: 'a' });
  const tags = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'plain' }));
  assert.deepEqual(tags.TagSet, [{ Key: 'tag', Value: 'old' }]);
});

test('metadata and tags are replaced on request', async () => {
  await copy({
    Key: 'new',
    MetadataDirective: 'REPLACE',
    Metadata: { n: '1' },
    TaggingDirective: 'REPLACE',
    Tagging: 't=new',
  });
  assert.deepEqual((await s3.send(new HeadObjectCommand({ Bucket, Key: 'new' }))).Metadata, { n: '1' });
  const tags = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'new' }));
  assert.deepEqual(tags.TagSet, [{ Key: 't', Value: 'new' }]);
});

test('a copy onto itself must change something', async () => {
  const itself = { Bucket: Source, Key: 'a' };
  await refused(copy(itself), 'InvalidRequest', 400);
  await copy({ ...itself, MetadataDirective: 'REPLACE', Metadata: { from: 'a' } });
});

test('a copy is written on condition', async () => {
  await copy({ Key: 'conditional', IfNoneMatch: '*' });
  await refused(copy({ Key: 'conditional', IfNoneMatch: '*' }), 'PreconditionFailed', 412);
});

test('a copy outlives its source, and writes no file', async () => {
  await s3.send(new PutObjectCommand({ Bucket: Source, Key: 'short-lived', Body: 'still here' }));
  const files = await readdir(join(dir, 'content'));
  await copy({ Key: 'heir', CopySource: `${Source}/short-lived` });
  await s3.send(new DeleteObjectCommand({ Bucket: Source, Key: 'short-lived' }));
  assert.equal(String(await get('heir')), 'still here');
  assert.deepEqual(await readdir(join(dir, 'content')), files);
});

test('an object is spliced from ranges of others and parts of its own', async () => {
  const own = patterned(5 * MiB, 2);
  const upload = await begin('spliced');
  const first = await upload.copy(1, { CopySourceRange: `bytes=512-${512 + 6 * MiB - 1}` });
  const { ETag } = await s3.send(
    new UploadPartCommand({ Bucket, Key: 'spliced', UploadId: upload.UploadId, PartNumber: 2, Body: own }),
  );
  const third = await upload.copy(3, { CopySourceRange: 'bytes=0-1023' });
  assert.equal(
    first.ETag,
    `"${createHash('md5')
      .update(bytes.subarray(512, 512 + 6 * MiB))
      .digest('hex')}"`,
  );
  await upload.complete([first, { PartNumber: 2, ETag }, third]);
  const spliced = Buffer.concat([bytes.subarray(512, 512 + 6 * MiB), own, bytes.subarray(0, 1024)]);
  assert.deepEqual(await get('spliced'), spliced);
  const Range = `bytes=${6 * MiB - 2}-${11 * MiB + 1}`;
  const seams = await bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key: 'spliced', Range })));
  assert.deepEqual(seams, spliced.subarray(6 * MiB - 2, 11 * MiB + 2));
});

test('copied parts have the upload’s checksum, which makes the object’s', async () => {
  const upload = await begin('sums', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
  const parts = [
    await upload.copy(1, { CopySourceRange: `bytes=0-${6 * MiB - 1}` }),
    await upload.copy(2, { CopySourceRange: `bytes=${6 * MiB}-${bytes.length - 1}` }),
  ];
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(bytes));
  assert.equal((await upload.complete(parts)).ChecksumCRC32, crc.toString('base64'));
  assert.deepEqual(await get('sums'), bytes);
});

test('a source key is decoded, and may name a version', async () => {
  const key = 'sp ace/a+b?ü.tar';
  await s3.send(new PutObjectCommand({ Bucket: Source, Key: key, Body: key }));
  const upload = await begin('decoded');
  await upload.complete([await upload.copy(1, { CopySource: `${Source}/${encodeURIComponent(key)}` })]);
  assert.equal(String(await get('decoded')), key);
  await copy({ Key: 'decoded-2', CopySource: `/${Source}/${encodeURIComponent(key)}?versionId=null` });
  assert.equal(String(await get('decoded-2')), key);
});

test('ranges and sources that are not there', async () => {
  const upload = await begin('wrong');
  await refused(upload.copy(1, { CopySourceRange: `bytes=0-${bytes.length}` }), 'InvalidArgument', 400);
  await refused(upload.copy(1, { CopySourceRange: 'bytes=5-' }), 'InvalidArgument', 400);
  await refused(upload.copy(1, { CopySource: `${Source}/absent` }), 'NoSuchKey', 404);
  await refused(upload.copy(1, { CopySource: 'absent/a' }), 'NoSuchBucket', 404);
  await refused(upload.copy(1, { CopySource: Source }), 'InvalidArgument', 400);
  await refused(upload.copy(1, { CopySource: `${Source}/a?versionId=x` }), 'NoSuchVersion', 404);
  await refused(copy({ CopySource: `${Source}/absent` }), 'NoSuchKey', 404);
});

test('copies on condition of their source', async () => {
  const { ETag: etag } = await s3.send(new PutObjectCommand({ Bucket: Source, Key: 'small', Body: 'x' }));
  const { LastModified } = await s3.send(new HeadObjectCommand({ Bucket: Source, Key: 'small' }));
  const CopySource = `${Source}/small`;
  const at = (seconds: number) => new Date(Number(LastModified) + seconds * 1000);
  const upload = await begin('conditions');
  for (const condition of [
    { CopySourceIfMatch: etag },
    { CopySourceIfNoneMatch: '"0"' },
    { CopySourceIfModifiedSince: at(-1) },
    { CopySourceIfUnmodifiedSince: at(0) },
    { CopySourceIfMatch: etag, CopySourceIfUnmodifiedSince: at(-1) },
  ]) {
    await upload.copy(1, { CopySource, ...condition });
    await copy({ CopySource, ...condition });
  }
  for (const condition of [
    { CopySourceIfMatch: '"0"' },
    { CopySourceIfNoneMatch: etag },
    { CopySourceIfModifiedSince: at(0) },
    { CopySourceIfUnmodifiedSince: at(-1) },
    { CopySourceIfNoneMatch: etag, CopySourceIfModifiedSince: at(-1) },
  ]) {
    await refused(upload.copy(1, { CopySource, ...condition }), 'PreconditionFailed', 412);
    await refused(copy({ CopySource, ...condition }), 'PreconditionFailed', 412);
  }
});

test('copies from another region, with the same checks, and not once that is gone', async () => {
  const peers: S3Endpoint[] = [];
  const here = await startEndpoint({ region: 'eu-west-1', peers: () => peers });
  const there = await startEndpoint({ region: 'sa-east-1' });
  peers.push(there.endpoint);
  const [mine, theirs] = [clientOf(here.url, { region: 'eu-west-1' }), clientOf(there.url, { region: 'sa-east-1' })];
  await mine.send(new CreateBucketCommand({ Bucket }));
  await theirs.send(new CreateBucketCommand({ Bucket: 'far' }));
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await theirs.send(new PutBucketVersioningCommand({ Bucket: 'far', VersioningConfiguration }));
  const { VersionId } = await theirs.send(new PutObjectCommand({ Bucket: 'far', Key: 'a', Body: bytes }));
  await theirs.send(new PutObjectCommand({ Bucket: 'far', Key: 'a', Body: 'newer' }));

  const { UploadId } = await mine.send(new CreateMultipartUploadCommand({ Bucket, Key: 'of-both' }));
  const upload = { Bucket, Key: 'of-both', UploadId };
  const CopySource = `far/a?versionId=${VersionId}`;
  const part = (PartNumber: number, more: Partial<UploadPartCopyCommandInput> = {}) =>
    mine.send(new UploadPartCopyCommand({ ...upload, PartNumber, CopySource, CopySourceIfMatch: etag, ...more }));
  const ranges = [`bytes=0-${6 * MiB - 1}`, `bytes=${6 * MiB}-${bytes.length - 1}`];
  const answers = await Promise.all(ranges.map((CopySourceRange, i) => part(i + 1, { CopySourceRange })));
  await refused(part(3, { CopySourceIfMatch: '"other"' }), 'PreconditionFailed', 412);
  await refused(part(3, { CopySource: 'far/a', CopySourceIfMatch: etag }), 'PreconditionFailed', 412);
  await refused(part(3, { CopySource: `far/a?versionId=${'0'.repeat(32)}` }), 'NoSuchVersion', 404);
  await refused(part(3, { CopySource: 'nowhere/a' }), 'NoSuchBucket', 404);
  await refused(part(3, { CopySourceRange: `bytes=0-${bytes.length}` }), 'InvalidArgument', 400);

  await there.endpoint.close();
  await refused(part(3), 'ServiceUnavailable', 503);
  const Parts = answers.map(({ CopyPartResult }, i) => ({ PartNumber: i + 1, ETag: CopyPartResult?.ETag }));
  await mine.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  const copied = await bytesOf(await mine.send(new GetObjectCommand({ Bucket, Key: 'of-both' })));
  assert.ok(copied.equals(bytes), 'it needs the other region no more');
  for (const client of [mine, theirs]) client.destroy();
});
