import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, beforeEach, suite, test } from 'node:test';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { EndpointProcess } from '../../bench/endpoint/process.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';

const MIB = 1024 ** 2;
const Bucket = 'bench';

suite('the endpoint of the benchmarks', () => {
  let endpoint: EndpointProcess;
  let s3: S3Client;
  before(async () => {
    endpoint = await EndpointProcess.start(0);
    s3 = new S3Client({
      endpoint: endpoint.url,
      region: 'eu-central-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    });
  });
  beforeEach(() => endpoint.take());
  after(() => {
    s3.destroy();
    endpoint.close();
  });

  test('gives a placed file, whole and in ranges, and counts', async (t) => {
    const bytes = randomBytes(3 * MIB);
    const path = join(await temporaryFolder(t), 'file');
    await writeFile(path, bytes);
    await endpoint.place('bench/a/b', path);
    const get = async (Range?: string) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'a/b', Range }));
      return Buffer.from(await Body!.transformToByteArray());
    };
    assert.ok((await get()).equals(bytes));
    assert.ok((await get('bytes=5-1000004')).equals(bytes.subarray(5, 1_000_005)));
    assert.ok((await get('bytes=-10')).equals(bytes.subarray(-10)));
    await assert.rejects(get(`bytes=${3 * MIB}-`), { name: 'InvalidRange' });
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'a/' }));
    assert.deepEqual(
      Contents.map(({ Key, Size }) => [Key, Size]),
      [['a/b', 3 * MIB]],
    );
    const { requests, bytesOut } = await endpoint.take();
    assert.deepEqual(requests, { GetObject: 4, ListObjects: 1 });
    assert.ok(bytesOut >= 3 * MIB + 1_000_010 && bytesOut < 3 * MIB + 1_002_010, `${bytesOut}`);
    await endpoint.remove('bench/a/b');
    await assert.rejects(get(), { name: 'NoSuchKey' });
  });

  test('takes uploads in one and in parts, and forgets them', async () => {
    await s3.send(
      new PutObjectCommand({ Bucket, Key: 'one', Body: Readable.from(randomBytes(1000)), ContentLength: 1000 }),
    );
    const params = { Bucket, Key: 'parts', Body: randomBytes(12 * MIB), Metadata: { by: 'test' } };
    await new Upload({ client: s3, params, partSize: 5 * MIB }).done();
    const head = (Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key }));
    assert.equal((await head('one')).ContentLength, 1000);
    const { ContentLength, ETag, Metadata } = await head('parts');
    assert.deepEqual([ContentLength, Metadata], [12 * MIB, { by: 'test' }]);
    assert.match(ETag!, /^"[0-9a-f]{32}-3"$/);

    const { requests, bytesIn } = await endpoint.take();
    const parts = { CreateMultipartUpload: 1, UploadPart: 3, CompleteMultipartUpload: 1 };
    assert.deepEqual(requests, { PutObject: 1, HeadObject: 2, ...parts });
    assert.ok(bytesIn >= 12 * MIB + 1000 && bytesIn < 12 * MIB + 3000, `${bytesIn}`); // and the list of parts
    await assert.rejects(head('parts'), { name: 'NotFound' });
  });
});
