import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { bytesOf, MiB, patterned, refused, startEndpoint, until } from '../endpoint.ts';

const { s3, dir } = await startEndpoint();
const [Bucket, Versioned] = ['plain', 'versioned'];
for (const name of [Bucket, Versioned]) await s3.send(new CreateBucketCommand({ Bucket: name }));

const versioning = (Status: 'Enabled' | 'Suspended') =>
  s3.send(new PutBucketVersioningCommand({ Bucket: Versioned, VersioningConfiguration: { Status } }));
await versioning('Enabled');

const put = (bucket: string, Key: string, Body: string | Buffer = 'x') =>
  s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
const files = async () => (await readdir(join(dir, 'content'))).length;

test('a deleted object is gone with its file', async () => {
  await put(Bucket, 'k');
  assert.equal(await files(), 1);
  const answer = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
  assert.deepEqual([answer.DeleteMarker, answer.VersionId], [undefined, undefined]);
  await refused(s3.send(new HeadObjectCommand({ Bucket, Key: 'k' })), 'NotFound', 404);
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' })); // again: nothing to do
  await until(async () => (await files()) === 0, 'the file to go');
});

test('an object that is written again leaves one file', async () => {
  for (const body of ['1', '2', '3']) await put(Bucket, 'again', body);
  await until(async () => (await files()) === 1, 'the old files to go');
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'again' }));
});

test('an object of several files can be read to its end while it is deleted', async () => {
  const parts = [patterned(16 * MiB), patterned(1000)];
  const params = { Bucket, Key: 'big', Body: Buffer.concat(parts) };
  await new Upload({ client: s3, params, partSize: 16 * MiB }).done();
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'big' }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'big' }));
  await s3.send(new HeadObjectCommand({ Bucket, Key: 'big' })).catch(() => {}); // time for the files to go
  assert.deepEqual(await bytesOf(object), params.Body);
});

test('a delete on condition', async () => {
  const { ETag } = await put(Bucket, 'matched');
  await refused(
    s3.send(new DeleteObjectCommand({ Bucket, Key: 'matched', IfMatch: '"0"' })),
    'PreconditionFailed',
    412,
  );
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'matched', IfMatch: ETag }));
});

test('many at once, there or not', async () => {
  for (const key of ['1', '2', '<&>']) await put(Bucket, key);
  const answer = await s3.send(
    new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: '1' }, { Key: '<&>' }, { Key: 'absent' }] } }),
  );
  assert.deepEqual(
    answer.Deleted?.map(({ Key }) => Key),
    ['1', '<&>', 'absent'],
  );
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
  assert.deepEqual(
    Contents?.map(({ Key }) => Key),
    ['2'],
  );
  const quiet = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: '2' }], Quiet: true } }));
  assert.equal(quiet.Deleted, undefined);
});

test('versions stay below a delete marker until they are named', async () => {
  const first = await put(Versioned, 'k', '1');
  const second = await put(Versioned, 'k', '2');
  assert.ok(first.VersionId && second.VersionId && first.VersionId !== second.VersionId);
  const old = await s3.send(new GetObjectCommand({ Bucket: Versioned, Key: 'k', VersionId: first.VersionId }));
  assert.deepEqual([String(await bytesOf(old)), old.VersionId], ['1', first.VersionId]);

  const marker = await s3.send(new DeleteObjectCommand({ Bucket: Versioned, Key: 'k' }));
  assert.equal(marker.DeleteMarker, true);
  const missing = await refused(s3.send(new GetObjectCommand({ Bucket: Versioned, Key: 'k' })), 'NoSuchKey', 404);
  assert.equal(missing.$response?.headers['x-amz-delete-marker'], 'true');
  const named = new GetObjectCommand({ Bucket: Versioned, Key: 'k', VersionId: marker.VersionId });
  await refused(s3.send(named), 'MethodNotAllowed', 405);

  const list = await s3.send(new ListObjectVersionsCommand({ Bucket: Versioned, Prefix: 'k' }));
  assert.deepEqual(
    list.Versions?.map((v) => [v.VersionId, v.IsLatest]),
    [
      [second.VersionId, false],
      [first.VersionId, false],
    ],
  );
  assert.deepEqual(
    list.DeleteMarkers?.map((m) => [m.VersionId, m.IsLatest]),
    [[marker.VersionId, true]],
  );
  assert.equal((await s3.send(new ListObjectsV2Command({ Bucket: Versioned, Prefix: 'k' }))).KeyCount, 0);

  const unmarked = new DeleteObjectCommand({ Bucket: Versioned, Key: 'k', VersionId: marker.VersionId });
  assert.equal((await s3.send(unmarked)).DeleteMarker, true);
  await s3.send(new DeleteObjectCommand({ Bucket: Versioned, Key: 'k', VersionId: second.VersionId }));
  const left = await s3.send(new GetObjectCommand({ Bucket: Versioned, Key: 'k' }));
  assert.deepEqual([String(await bytesOf(left)), left.VersionId], ['1', first.VersionId]);
});

test('when the latest version goes, the one before it is the latest', async () => {
  for (const body of ['1', '2']) await put(Versioned, 'three', body);
  const { VersionId } = await put(Versioned, 'three', '3');
  await s3.send(new DeleteObjectCommand({ Bucket: Versioned, Key: 'three', VersionId }));
  assert.equal(String(await bytesOf(await s3.send(new GetObjectCommand({ Bucket: Versioned, Key: 'three' })))), '2');
});

test('a key whose latest is a delete marker counts as free for If-None-Match', async () => {
  await put(Versioned, 'again');
  await s3.send(new DeleteObjectCommand({ Bucket: Versioned, Key: 'again' }));
  await s3.send(new PutObjectCommand({ Bucket: Versioned, Key: 'again', Body: '2', IfNoneMatch: '*' }));
});

test('suspended versioning writes and deletes the version called null', async () => {
  const kept = await put(Versioned, 's', 'kept');
  await versioning('Suspended');
  assert.equal((await put(Versioned, 's', 'null 1')).VersionId, undefined);
  await put(Versioned, 's', 'null 2');
  const list = await s3.send(new ListObjectVersionsCommand({ Bucket: Versioned, Prefix: 's' }));
  assert.deepEqual(
    list.Versions?.map(({ VersionId }) => VersionId),
    ['null', kept.VersionId],
  );
  const marker = await s3.send(new DeleteObjectCommand({ Bucket: Versioned, Key: 's' }));
  assert.deepEqual([marker.DeleteMarker, marker.VersionId], [true, 'null']);
  await versioning('Enabled');
});

test('versions are listed in pages of any size', async () => {
  for (const key of ['v/a', 'v/a', 'v/a', 'v/b', 'v/c/1', 'v/c/2']) await put(Versioned, key);
  await s3.send(new DeleteObjectCommand({ Bucket: Versioned, Key: 'v/b' }));
  const seen: unknown[] = [];
  let marker: object = {};
  for (let more = true; more; ) {
    const input = { Bucket: Versioned, Prefix: 'v/', Delimiter: '/', MaxKeys: 1, ...marker };
    const page = await s3.send(new ListObjectVersionsCommand(input));
    seen.push(...(page.Versions ?? []).map((v) => `${v.Key} ${v.IsLatest}`));
    seen.push(...(page.DeleteMarkers ?? []).map((m) => `${m.Key} marker`));
    seen.push(...(page.CommonPrefixes ?? []).map((p) => p.Prefix));
    marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    more = page.IsTruncated === true;
  }
  assert.deepEqual(seen, ['v/a true', 'v/a false', 'v/a false', 'v/b marker', 'v/b false', 'v/c/']);
});
