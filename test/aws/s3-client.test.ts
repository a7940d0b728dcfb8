import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { GetObjectCommand, HeadObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import { s3Client } from '../../aws/s3-client.ts';
import { CREDENTIALS } from './local-s3.ts';

interface Sent {
  readonly protocol: string;
  readonly hostname: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the client would send; it gets no answer. */
async function sentBy(client: S3Client, command: GetObjectCommand | UploadPartCommand): Promise<Sent> {
  let sent: Sent | undefined;
  client.config.requestHandler = {
    handle: async (request: Sent) => {
      sent = request;
      throw new Error('no network');
    },
  } as unknown as S3Client['config']['requestHandler'];
  await assert.rejects(client.send(command as GetObjectCommand), /no network/);
  assert.ok(sent);
  return sent;
}

const upload = () =>
  new UploadPartCommand({
    Bucket: 'bucket',
    Key: 'key',
    UploadId: 'u',
    PartNumber: 1,
    Body: Buffer.from('abc'),
    ChecksumCRC32: 'NSRBwg==',
  });
const options = { region: 'eu-central-1', credentials: CREDENTIALS };

test('over TLS a part is protected by its CRC-32 alone', async () => {
  const { protocol, hostname, headers } = await sentBy(s3Client(options), upload());
  assert.deepEqual([protocol, hostname], ['https:', 'bucket.s3.eu-central-1.amazonaws.com']);
  assert.equal(headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
  assert.equal(headers['x-amz-checksum-crc32'], 'NSRBwg==');
  const sums = Object.keys(headers).filter((name) => /^x-amz-(checksum|sdk-checksum)|^expect$/i.test(name));
  assert.deepEqual(sums, ['x-amz-checksum-crc32']);
});

test('without TLS the part is signed', async () => {
  const { headers } = await sentBy(s3Client({ ...options, endpoint: 'http://127.0.0.1:9' }), upload());
  assert.match(headers['x-amz-content-sha256'] ?? '', /^[0-9a-f]{64}$/);
});

test('reads ask for no checksum', async () => {
  const { headers } = await sentBy(s3Client(options), new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }));
  assert.equal(headers['x-amz-checksum-mode'], undefined);
});

for (const variable of ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL']) {
  test(`${variable} names another endpoint, with the bucket in the path`, async (t) => {
    process.env[variable] = 'http://127.0.0.1:9';
    t.after(() => delete process.env[variable]);
    const { hostname, path } = await sentBy(s3Client(options), new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }));
    assert.deepEqual([hostname, path], ['127.0.0.1', '/bucket/key']);
  });
}

test('a bucket of another region is asked for there', async () => {
  const client = s3Client(options);
  const hosts: string[] = [];
  client.config.requestHandler = {
    handle: async ({ hostname }: Sent) => {
      hosts.push(hostname);
      const moved = { statusCode: 301, headers: { 'x-amz-bucket-region': 'us-west-2' }, body: Readable.from([]) };
      return { response: hosts.length === 1 ? moved : { ...moved, statusCode: 200, headers: {} } };
    },
  } as unknown as S3Client['config']['requestHandler'];
  await client.send(new HeadObjectCommand({ Bucket: 'bucket', Key: 'key' }));
  assert.deepEqual(hosts, ['bucket.s3.eu-central-1.amazonaws.com', 'bucket.s3.us-west-2.amazonaws.com']);
});
