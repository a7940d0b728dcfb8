import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { startS3 } from '../../../../infra/local/s3/server.ts';
import {
  bytesOf,
  clientOf,
  KEY_ID,
  MiB,
  patterned,
  REGION,
  refused,
  SECRET,
  startEndpoint,
  temporaryFolder,
  until,
} from './endpoint.ts';

const Bucket = 'kept';

async function startChild(dir: string): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(join(import.meta.dirname, 'child.ts'), [dir], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  after(() => child.kill('SIGKILL'));
  const [url] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
  return { child, url: url.trim() };
}

test('listens on 127.0.0.1 only, on the port it is given, and once a folder', async () => {
  const first = await startEndpoint();
  assert.equal(first.url, `http://127.0.0.1:${first.port}`);
  const options = { credentials: { [KEY_ID]: SECRET }, region: REGION };
  await assert.rejects(startS3({ ...options, dir: first.dir }), /locked/);
  const dir = await temporaryFolder();
  await assert.rejects(startS3({ ...options, dir, port: first.port }), { code: 'EADDRINUSE' });
  const second = await startEndpoint({ dir }); // the failed start let go of it
  await second.s3.send(new CreateBucketCommand({ Bucket }));
});

test('what was stored is there after a restart, uploads and their parts too', async () => {
  const dir = await temporaryFolder();
  const bytes = patterned(5 * MiB);
  const first = await startEndpoint({ dir });
  await first.s3.send(new CreateBucketCommand({ Bucket }));
  await first.s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: bytes, Metadata: { a: 'b' } }));
  const { UploadId } = await first.s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm' }));
  const upload = { Bucket, Key: 'm', UploadId };
  const { ETag } = await first.s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: bytes }));
  await first.close();

  const { s3 } = await startEndpoint({ dir });
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'k' }));
  assert.deepEqual([await bytesOf(object), object.Metadata], [bytes, { a: 'b' }]);
  assert.equal((await s3.send(new ListPartsCommand(upload))).Parts?.length, 1);
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload }));
  assert.deepEqual(await bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key: 'm' }))), bytes);
});

test('killed in the middle of writes: what was acknowledged is there, and nothing else', async () => {
  const dir = await temporaryFolder();
  const { child, url } = await startChild(dir);
  const doomed = clientOf(url);
  await doomed.send(new CreateBucketCommand({ Bucket }));
  const acknowledged = new Map<string, Buffer>();
  let puts = 0;
  const killAfter = 50;
  const writer = async (name: string) => {
    for (let i = 0; ; i++) {
      const [Key, Body] = [`${name}/${i}`, patterned(200_000, i)];
      await doomed.send(new PutObjectCommand({ Bucket, Key, Body }));
      acknowledged.set(Key, Body);
      puts += 1;
      if (puts >= killAfter) child.kill('SIGKILL');
      if (i % 5 === 4) {
        acknowledged.delete(Key); // it may go, and nobody hear of it
        await doomed.send(new DeleteObjectCommand({ Bucket, Key }));
      }
    }
  };
  await Promise.allSettled(['a', 'b', 'c', 'd'].map(writer));
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  await writeFile(join(dir, 'content', 'left-behind'), 'x');

  const { s3 } = await startEndpoint({ dir });
  assert.ok(puts >= killAfter);
  for (const [Key, bytes] of acknowledged) {
    const object = await s3.send(new GetObjectCommand({ Bucket, Key }));
    assert.ok((await bytesOf(object)).equals(bytes), Key);
  }
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
  for (const { Key } of Contents) await bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key })));
  const files = await readdir(join(dir, 'content'));
  assert.equal(files.length, Contents.length, 'one file an object, no orphans');
});

test('a client that goes away in the middle of an upload leaves nothing', async () => {
  const { s3, dir, requests } = await startEndpoint();
  await s3.send(new CreateBucketCommand({ Bucket }));
  const abort = new AbortController();
  async function* endless() {
    for (let i = 0; i < 64; i++) {
      if (i === 8) abort.abort();
      yield Buffer.alloc(MiB);
    }
  }
  const Body = Readable.from(endless());
  const upload = new PutObjectCommand({ Bucket, Key: 'k', Body, ContentLength: 64 * MiB });
  await assert.rejects(s3.send(upload, { abortSignal: abort.signal }));
  await until(() => requests.some(({ operation }) => operation === 'PutObject'), 'the record');
  await until(async () => (await readdir(join(dir, 'content'))).length === 0, 'the file to go');
  await refused(s3.send(new HeadObjectCommand({ Bucket, Key: 'k' })), 'NotFound');
});

test('memory stays bounded when objects are large', async () => {
  const { child, url } = await startChild(await temporaryFolder());
  const s3 = clientOf(url);
  const peakBytes = async () => {
    child.send('peak');
    const [answer] = (await once(child, 'message')) as [{ peakBytes: number }];
    return answer.peakBytes;
  };
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'warm', Body: Buffer.alloc(MiB) }));
  const before = await peakBytes();
  const sizeBytes = 256 * MiB;
  const block = Buffer.alloc(MiB, 7);
  const Body = Readable.from(
    (function* () {
      for (let i = 0; i < sizeBytes; i += MiB) yield block;
    })(),
  );
  await s3.send(new PutObjectCommand({ Bucket, Key: 'large', Body, ContentLength: sizeBytes }));
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'large' }));
  let received = 0;
  for await (const chunk of object.Body as AsyncIterable<Buffer>) received += chunk.length;
  assert.equal(received, sizeBytes);
  const grown = (await peakBytes()) - before;
  assert.ok(grown < 128 * MiB, `${Math.round(grown / MiB)} MiB more for an object of 256 MiB`);
});
