import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateBucketCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { refused, startEndpoint } from '../endpoint.ts';

const { s3 } = await startEndpoint();
const Bucket = 'listed';
await s3.send(new CreateBucketCommand({ Bucket }));

const numbered = Array.from({ length: 25 }, (_, i) => `p/k${String(i).padStart(3, '0')}`);
const folders = ['a', 'b', 'c', 'd'].flatMap((folder) => [0, 1, 2].map((i) => `t/${folder}/f${i}`));
const odd = ['o/a/b', 'o/a-b', 'o/aB', 'o/aa', 'o/é', 'o/Z', 'o/\u{1f600}', 'o/\uffee'];
for (const Key of [...numbered, ...folders, 't/b.txt', ...odd]) {
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
}

async function pages(input: Partial<ListObjectsV2CommandInput>) {
  const seen: { keys: string[]; prefixes: string[] }[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, ...input, ContinuationToken }));
    const keys = (page.Contents ?? []).map((item) => item.Key ?? '');
    const prefixes = (page.CommonPrefixes ?? []).map((item) => item.Prefix ?? '');
    assert.equal(page.KeyCount, keys.length + prefixes.length);
    seen.push({ keys, prefixes });
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  return seen;
}

test('pages of ten', async () => {
  const seen = await pages({ Prefix: 'p/', MaxKeys: 10 });
  assert.deepEqual(
    seen.map(({ keys }) => keys.length),
    [10, 10, 5],
  );
  assert.deepEqual(
    seen.flatMap(({ keys }) => keys),
    numbered,
  );
});

test('common prefixes count as entries and come once', async () => {
  const seen = await pages({ Prefix: 't/', Delimiter: '/', MaxKeys: 2 });
  assert.deepEqual(seen, [
    { keys: ['t/b.txt'], prefixes: ['t/a/'] },
    { keys: [], prefixes: ['t/b/', 't/c/'] },
    { keys: [], prefixes: ['t/d/'] },
  ]);
});

test('what an entry says', async () => {
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'p/k000' }));
  const [{ ETag, Size, StorageClass, ChecksumAlgorithm, LastModified } = {}] = Contents ?? [];
  assert.deepEqual([ETag, Size, StorageClass], ['"9dd4e461268c8034f5c8564e155c67a6"', 1, 'STANDARD']);
  assert.deepEqual(ChecksumAlgorithm, ['CRC32']);
  assert.ok(LastModified);
});

test('StartAfter', async () => {
  const [page] = await pages({ Prefix: 'p/', StartAfter: 'p/k020' });
  assert.deepEqual(page?.keys, numbered.slice(21));
});

test('keys come in the order of their UTF-8 bytes', async () => {
  const [page] = await pages({ Prefix: 'o/' });
  assert.deepEqual(page?.keys, ['o/Z', 'o/a-b', 'o/a/b', 'o/aB', 'o/aa', 'o/é', 'o/\uffee', 'o/\u{1f600}']);
});

test('keys are encoded on request', async () => {
  const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'o/é', EncodingType: 'url' }));
  assert.deepEqual([page.Prefix, page.Contents?.[0]?.Key], ['o/%C3%A9', 'o/%C3%A9']);
});

test('nothing, an unknown token, an unknown bucket', async () => {
  assert.deepEqual(await pages({ Prefix: 'none/' }), [{ keys: [], prefixes: [] }]);
  assert.deepEqual(await pages({ MaxKeys: 0 }), [{ keys: [], prefixes: [] }]);
  await refused(s3.send(new ListObjectsV2Command({ Bucket, ContinuationToken: 'x' })), 'InvalidArgument', 400);
  await refused(s3.send(new ListObjectsV2Command({ Bucket: 'absent' })), 'NoSuchBucket', 404);
});

test('version 1 goes on from its marker, past a common prefix', async () => {
  const seen: unknown[] = [];
  let Marker: string | undefined;
  do {
    const page = await s3.send(new ListObjectsCommand({ Bucket, Prefix: 't/', Delimiter: '/', MaxKeys: 1, Marker }));
    seen.push(
      ...(page.CommonPrefixes ?? []).map((item) => item.Prefix),
      ...(page.Contents ?? []).map((item) => item.Key),
    );
    Marker = page.NextMarker;
  } while (Marker);
  assert.deepEqual(seen, ['t/a/', 't/b.txt', 't/b/', 't/c/', 't/d/']);
});
