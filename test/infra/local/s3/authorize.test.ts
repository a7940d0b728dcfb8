import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { KEY_ID, refused, startEndpoint } from './endpoint.ts';

let denied: (action: string, resource: string) => boolean = () => false;
let asked: string[] = [];
const { s3 } = await startEndpoint({
  authorize: async ({ accessKeyId, action, resource }) => {
    assert.equal(accessKeyId, KEY_ID);
    asked.push(`${action} ${resource}`);
    return !denied(action, resource);
  },
});
const Bucket = 'guarded';
const arn = (key: string) => `arn:aws:s3:::${Bucket}/${key}`;
await s3.send(new CreateBucketCommand({ Bucket }));
await s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: '1' }));

test('a request names its action and resource', async () => {
  denied = () => false;
  asked = [];
  await s3.send(new PutObjectCommand({ Bucket, Key: 'd/b c', Body: '1', Tagging: 'a=b' }));
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/a` }));
  assert.deepEqual(asked, [
    `s3:PutObject ${arn('d/b c')}`,
    `s3:PutObjectTagging ${arn('d/b c')}`,
    `s3:PutObject ${arn('copy')}`,
    `s3:GetObject ${arn('a')}`,
  ]);
});

test('prevents what is denied, before anything happens', async () => {
  denied = (action) => action === 's3:PutObject';
  await refused(s3.send(new PutObjectCommand({ Bucket, Key: 'new', Body: '1' })), 'AccessDenied', 403);
  denied = () => false;
  await refused(s3.send(new HeadObjectCommand({ Bucket, Key: 'new' })), 'NotFound');
});

test('prevents a copy from a source that may not be read', async () => {
  denied = (action, resource) => action === 's3:GetObject' && resource === arn('a');
  const source = { Bucket, Key: 'copy-2', CopySource: `${Bucket}/a` };
  await refused(s3.send(new CopyObjectCommand(source)), 'AccessDenied', 403);
  denied = (action) => action === 's3:PutObject';
  const part = { ...source, UploadId: 'x', PartNumber: 1 };
  await refused(s3.send(new UploadPartCopyCommand(part)), 'AccessDenied', 403);
});

test('who may not list a bucket does not learn what is not there', async () => {
  denied = (action) => action === 's3:ListBucket';
  await refused(s3.send(new GetObjectCommand({ Bucket, Key: 'absent' })), 'AccessDenied', 403);
  await s3.send(new HeadObjectCommand({ Bucket, Key: 'a' }));
});

test('each key of DeleteObjects is judged by itself', async () => {
  denied = (_, resource) => resource === arn('a');
  const Delete = { Objects: [{ Key: 'a' }, { Key: 'copy' }] };
  const { Deleted, Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete }));
  assert.deepEqual(
    Deleted?.map(({ Key }) => Key),
    ['copy'],
  );
  assert.deepEqual(
    Errors?.map(({ Key, Code }) => [Key, Code]),
    [['a', 'AccessDenied']],
  );
});
