import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  CreateBucketCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { bytesOf, MiB, patterned, pieces, refused, startEndpoint, until } from '../endpoint.ts';

const { s3, url, requests } = await startEndpoint();
const Bucket = 'objects';
await s3.send(new CreateBucketCommand({ Bucket }));

const small = patterned(1000);
const smallCrc32 = crc32Base64(small);
await s3.send(
  new PutObjectCommand({
    Bucket,
    Key: 'small',
    Body: small,
    Metadata: { Node: 'node-a', 'x-y': 'z' },
    ContentType: 'application/x-tar',
    ContentEncoding: 'zstd',
    CacheControl: 'no-store',
  }),
);

const put = (input: Partial<PutObjectCommandInput>) =>
  s3.send(new PutObjectCommand({ Bucket, Key: 'put', Body: small, ...input }));
const get = async (Key: string) => bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key })));
const stream = (bytes: Buffer) => ({ Body: Readable.from(pieces(bytes, 60_000)), ContentLength: bytes.length });

test('a buffer is stored with the SDK’s default checksum, and its MD5 is the ETag', async () => {
  const answer = await put({ Key: 'buffer' });
  assert.equal(answer.ETag, `"${createHash('md5').update(small).digest('hex')}"`);
  assert.equal(answer.ChecksumCRC32, smallCrc32);
  assert.equal(answer.ChecksumType, 'FULL_OBJECT');
  assert.equal(answer.VersionId, undefined);
  assert.deepEqual(await get('buffer'), small);
});

test('a stream is stored without its framing', async () => {
  const bytes = patterned(3 * MiB + 17);
  const answer = await put({ Key: 'stream', ...stream(bytes) });
  assert.equal(answer.ChecksumCRC32, crc32Base64(bytes));
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'stream' }));
  assert.equal(object.ContentEncoding, undefined);
  assert.deepEqual(await bytesOf(object), bytes);
});

test('an empty object', async () => {
  await put({ Key: 'empty', Body: '' });
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'empty' }));
  assert.equal(object.ContentLength, 0);
  assert.equal((await bytesOf(object)).length, 0);
});

for (const algorithm of ['CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const) {
  test(`a stream with ${algorithm} as its trailer`, async () => {
    const bytes = patterned(200_000);
    const answer = await put({ Key: algorithm, ...stream(bytes), ChecksumAlgorithm: algorithm });
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: algorithm, ChecksumMode: 'ENABLED' }));
    assert.ok(answer[`Checksum${algorithm}`]);
    assert.equal(head[`Checksum${algorithm}`], answer[`Checksum${algorithm}`]);
  });
}

const otherBytes = Buffer.from('other');
for (const [what, wrong] of Object.entries({
  CRC32: { ChecksumCRC32: crc32Base64(otherBytes) },
  SHA256: { ChecksumSHA256: createHash('sha256').update(otherBytes).digest('base64') },
  'Content-MD5': { ContentMD5: createHash('md5').update(otherBytes).digest('base64') },
})) {
  test(`prevents a wrong ${what}, and nothing is stored`, async () => {
    await refused(put({ Key: `wrong-${what}`, ...wrong }), 'BadDigest', 400);
    await refused(get(`wrong-${what}`), 'NoSuchKey');
  });
}

test('allows the right CRC32, SHA256 and Content-MD5', async () => {
  await put({ ChecksumCRC32: smallCrc32 });
  await put({ ChecksumSHA256: createHash('sha256').update(small).digest('base64') });
  await put({ ContentMD5: createHash('md5').update(small).digest('base64') });
});

for (const [Range, start, end] of [
  ['bytes=10-19', 10, 20],
  ['bytes=0-0', 0, 1],
  ['bytes=990-', 990, 1000],
  ['bytes=-5', 995, 1000],
  ['bytes=900-5000', 900, 1000],
] as const) {
  test(`${Range} of 1,000 bytes`, async () => {
    const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'small', Range }));
    assert.equal(object.$metadata.httpStatusCode, 206);
    assert.equal(object.ContentRange, `bytes ${start}-${end - 1}/1000`);
    assert.deepEqual(await bytesOf(object), small.subarray(start, end));
  });
}

test('a range past the end is answered 416', async () => {
  const range = new GetObjectCommand({ Bucket, Key: 'small', Range: 'bytes=5000-6000' });
  await refused(s3.send(range), 'InvalidRange', 416);
});

test('HEAD gives what was stored with it, and no body', async () => {
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'small', ChecksumMode: 'ENABLED' }));
  assert.equal(head.ContentLength, 1000);
  assert.deepEqual(head.Metadata, { node: 'node-a', 'x-y': 'z' });
  assert.equal(head.ContentType, 'application/x-tar');
  assert.equal(head.ContentEncoding, 'zstd');
  assert.equal(head.CacheControl, 'no-store');
  assert.equal(head.AcceptRanges, 'bytes');
  assert.equal(head.ChecksumCRC32, smallCrc32);
  assert.ok(Math.abs(Date.now() - Number(head.LastModified)) < 60_000);
});

test('an answer’s headers can be asked for', async () => {
  const object = await s3.send(
    new GetObjectCommand({ Bucket, Key: 'small', ResponseContentType: 'text/x', ResponseContentDisposition: 'inline' }),
  );
  assert.deepEqual([object.ContentType, object.ContentDisposition], ['text/x', 'inline']);
  await bytesOf(object);
});

test('GetObjectAttributes', async () => {
  const attributes = await s3.send(
    new GetObjectAttributesCommand({ Bucket, Key: 'small', ObjectAttributes: ['ETag', 'Checksum', 'ObjectSize'] }),
  );
  assert.equal(attributes.ObjectSize, 1000);
  assert.equal(attributes.ETag, createHash('md5').update(small).digest('hex'));
  assert.deepEqual(attributes.Checksum, { ChecksumCRC32: smallCrc32, ChecksumType: 'FULL_OBJECT' });
  assert.equal(attributes.StorageClass, undefined);
});

test('what is not there: a key, a bucket, a version', async () => {
  await refused(get('absent'), 'NoSuchKey', 404);
  await refused(s3.send(new HeadObjectCommand({ Bucket, Key: 'absent' })), 'NotFound', 404);
  await refused(s3.send(new GetObjectCommand({ Bucket: 'absent', Key: 'k' })), 'NoSuchBucket', 404);
  await refused(s3.send(new GetObjectCommand({ Bucket, Key: 'small', VersionId: 'absent' })), 'NoSuchVersion', 404);
});

test('reads on condition', async () => {
  const { ETag, LastModified } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'small' }));
  const later = new Date(Number(LastModified) + 1000);
  const earlier = new Date(Number(LastModified) - 1000);
  const attempt = (condition: object) => s3.send(new GetObjectCommand({ Bucket, Key: 'small', ...condition }));
  for (const condition of [
    { IfMatch: ETag },
    { IfNoneMatch: '"0"' },
    { IfModifiedSince: earlier },
    { IfUnmodifiedSince: LastModified },
    { IfMatch: ETag, IfUnmodifiedSince: earlier },
    { IfNoneMatch: '"0"', IfModifiedSince: later },
  ]) {
    assert.deepEqual(await bytesOf(await attempt(condition)), small, JSON.stringify(condition));
  }
  await refused(attempt({ IfMatch: '"0"' }), 'PreconditionFailed', 412);
  await refused(attempt({ IfUnmodifiedSince: earlier }), 'PreconditionFailed', 412);
  for (const condition of [{ IfNoneMatch: ETag }, { IfModifiedSince: LastModified }]) {
    await refused(attempt(condition), 'Unknown', 304); // the SDK has no name for it
  }
});

test('If-None-Match: * writes a key once', async () => {
  await put({ Key: 'once', IfNoneMatch: '*' });
  await refused(put({ Key: 'once', Body: 'other', IfNoneMatch: '*' }), 'PreconditionFailed', 412);
  assert.deepEqual(await get('once'), small);
});

test('of 20 who write a key once, one wins', async () => {
  const bodies = Array.from({ length: 20 }, () => randomBytes(50_000));
  const outcomes = await Promise.allSettled(bodies.map((Body) => put({ Key: 'race', Body, IfNoneMatch: '*' })));
  const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []));
  assert.equal(winners.length, 1);
  assert.deepEqual(await get('race'), bodies[winners[0]!]);
});

test('If-Match replaces only what it names', async () => {
  const { ETag } = await put({ Key: 'match', Body: '1' });
  await put({ Key: 'match', Body: '2', IfMatch: ETag });
  await refused(put({ Key: 'match', Body: '3', IfMatch: ETag }), 'PreconditionFailed', 412);
  await refused(put({ Key: 'match-absent', IfMatch: ETag }), 'NoSuchKey', 404);
  assert.equal(String(await get('match')), '2');
});

test('a body that must not be stored is not asked for', async () => {
  await put({ Key: 'unread', Body: '' });
  await refused(put({ Key: 'unread', Body: Buffer.alloc(4 * MiB), IfNoneMatch: '*' }), 'PreconditionFailed');
  const record = () => requests.find(({ key, code }) => key === 'unread' && code === 'PreconditionFailed');
  await until(() => record() !== undefined, 'the record');
  assert.equal(record()?.bytesIn, 0);
});

const oddKeys = [
  'sp ace/a+b.tar',
  'ünï/日本.tar',
  '100%/x&y<z>"\'.tar',
  'dbl//slash',
  '/leading',
  'a/../b',
  'a/./b',
  'tr/ailing/',
  'que?stion#hash',
  '%2F%00',
  'new\nline\rtab\tbell\u0007',
  '😀',
  '~!*()',
  'x'.repeat(1024),
];

test('keys with odd characters are stored, listed and read as they are', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: 'odd' }));
  for (const Key of oddKeys) {
    await s3.send(new PutObjectCommand({ Bucket: 'odd', Key, Body: Key }));
    const object = await s3.send(new GetObjectCommand({ Bucket: 'odd', Key }));
    assert.equal(String(await bytesOf(object)), Key);
  }
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'odd' }));
  const inOrder = oddKeys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual(
    Contents.map((item) => item.Key),
    inOrder,
  );
});

test('refuses keys, metadata and tags beyond their limits', async () => {
  await refused(put({ Key: 'x'.repeat(1025) }), 'KeyTooLongError', 400);
  await refused(put({ Metadata: { a: 'x'.repeat(2048) } }), 'MetadataTooLarge', 400);
  const tags = Array.from({ length: 11 }, (_, i) => `t${i}=x`).join('&');
  await refused(put({ Tagging: tags }), 'InvalidTag', 400);
});

test('refuses what it cannot do rather than doing something else', async () => {
  const key = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: 'x'.repeat(32), SSECustomerKeyMD5: 'x' };
  await refused(put(key), 'NotImplemented', 501);
  const answer = await fetch(`${url}/${Bucket}/small?acl`, { method: 'PUT', body: 'x' });
  assert.equal(answer.status, 501);
  assert.match(await answer.text(), /<Code>NotImplemented<\/Code>/);
  assert.equal((await fetch(`${url}/${Bucket}/small`, { method: 'PATCH' })).status, 405);
  assert.equal((await fetch(`${url}/${Bucket}/%FF`)).status, 400);
  assert.deepEqual(await get('small'), small);
});

function crc32Base64(bytes: Buffer): string {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(bytes));
  return crc.toString('base64');
}
