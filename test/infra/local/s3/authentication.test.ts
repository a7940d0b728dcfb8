import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { CreateBucketCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { bytesOf, clientOf, KEY_ID, MiB, patterned, REGION, refused, SECRET, startEndpoint } from './endpoint.ts';

const { s3, url } = await startEndpoint();
const Bucket = 'signed';
await s3.send(new CreateBucketCommand({ Bucket }));
const bytes = patterned(1000);
await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: bytes }));

const stored = async (Key: string) => bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key })));
const code = async (answer: Response) => /<Code>(\w+)<\/Code>/.exec(await answer.text())?.[1];

test('a presigned GET, also with a range', async () => {
  const signed = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'k' }), { expiresIn: 60 });
  const whole = await fetch(signed);
  assert.equal(whole.status, 200);
  assert.deepEqual(Buffer.from(await whole.arrayBuffer()), bytes);
  const range = await fetch(signed, { headers: { range: 'bytes=0-9' } });
  assert.equal(range.status, 206);
  assert.deepEqual(Buffer.from(await range.arrayBuffer()), bytes.subarray(0, 10));
});

test('a presigned PUT keeps the metadata that was signed', async () => {
  const command = new PutObjectCommand({ Bucket, Key: 'put ü', Metadata: { a: 'b' } });
  const answer = await fetch(await getSignedUrl(s3, command), { method: 'PUT', body: 'hello' });
  assert.equal(answer.status, 200);
  assert.equal(String(await stored('put ü')), 'hello');
  assert.deepEqual((await s3.send(new HeadObjectCommand({ Bucket, Key: 'put ü' }))).Metadata, { a: 'b' });
});

test('a client that asks before it sends its body is told to go on', async () => {
  const signed = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'asked' }));
  const headers = { expect: '100-continue', 'content-length': bytes.length };
  const outgoing = request(signed, { method: 'PUT', headers });
  outgoing.flushHeaders();
  await once(outgoing, 'continue');
  outgoing.end(bytes);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  assert.equal(answer.resume().statusCode, 200);
  assert.deepEqual(await stored('asked'), bytes);
});

test('prevents a presigned URL from being used for another key, method or time', async () => {
  const command = new GetObjectCommand({ Bucket, Key: 'k' });
  const signed = await getSignedUrl(s3, command);
  assert.equal(await code(await fetch(signed.replace('/k?', '/other?'))), 'SignatureDoesNotMatch');
  assert.equal(await code(await fetch(signed, { method: 'PUT', body: 'x' })), 'SignatureDoesNotMatch');
  const old = { expiresIn: 1, signingDate: new Date(Date.now() - 60_000) };
  const expired = await fetch(await getSignedUrl(s3, command, old));
  assert.equal(expired.status, 403);
  assert.match(await expired.text(), /Request has expired/);
});

test('prevents a wrong secret, an unknown key and nobody at all', async () => {
  const as = (accessKeyId: string, secretAccessKey: string) =>
    clientOf(url, { credentials: { accessKeyId, secretAccessKey } }).send(new GetObjectCommand({ Bucket, Key: 'k' }));
  await refused(as(KEY_ID, 'wrong'), 'SignatureDoesNotMatch', 403);
  await refused(as('unknown', SECRET), 'InvalidAccessKeyId', 403);
  await refused(as('constructor', SECRET), 'InvalidAccessKeyId', 403);
  const nobody = await fetch(`${url}/${Bucket}/k`);
  assert.deepEqual([nobody.status, await code(nobody)], [403, 'AccessDenied']);
});

/** What goes wrong in a request that is made by hand. */
interface Damage {
  readonly chunk?: (signature: string) => string;
  readonly trailer?: (line: string) => string;
  readonly data?: (bytes: Buffer) => Buffer;
  readonly sizeBytes?: number;
  readonly payloadHash?: string;
  /** More bytes behind the end. */
  readonly surplusBytes?: number;
  readonly agent?: Agent;
}

/** PutObject by hand: a body of signed chunks, and a signed trailer with the CRC-32 or none. */
async function putChunks(key: string, { trailer: hasTrailer, damage = {} }: { trailer: boolean; damage?: Damage }) {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const day = date.slice(0, 8);
  const scope = `${day}/${REGION}/s3/aws4_request`;
  const hmac = (secret: Buffer | string, text: string) => createHmac('sha256', secret).update(text).digest();
  const signingKey = [day, REGION, 's3', 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${SECRET}`);
  const sign = (...lines: string[]) => hmac(signingKey as Buffer, lines.join('\n')).toString('hex');
  const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

  const headers: Record<string, string> = {
    'content-encoding': 'aws-chunked',
    host: new URL(url).host,
    'x-amz-content-sha256': damage.payloadHash ?? `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${hasTrailer ? '-TRAILER' : ''}`,
    'x-amz-date': date,
    'x-amz-decoded-content-length': String(damage.sizeBytes ?? bytes.length),
    ...(hasTrailer ? { 'x-amz-trailer': 'x-amz-checksum-crc32' } : {}),
  };
  const names = Object.keys(headers);
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonical = [
    'PUT',
    `/${Bucket}/${key}`,
    '',
    canonicalHeaders,
    names.join(';'),
    headers['x-amz-content-sha256'],
  ];
  let signature = sign('AWS4-HMAC-SHA256', date, scope, sha256(canonical.join('\n')));
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${KEY_ID}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;

  const wire: Buffer[] = [];
  for (const data of [bytes.subarray(0, 600), bytes.subarray(600), Buffer.alloc(0)]) {
    signature = sign('AWS4-HMAC-SHA256-PAYLOAD', date, scope, signature, sha256(''), sha256(data));
    const sent = damage.chunk?.(signature) ?? signature;
    const sentData = damage.data?.(data) ?? data;
    wire.push(Buffer.from(`${data.length.toString(16)};chunk-signature=${sent}\r\n`), sentData);
    if (data.length > 0) wire.push(Buffer.from('\r\n'));
  }
  if (hasTrailer) {
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(bytes));
    const line = `x-amz-checksum-crc32:${crc.toString('base64')}`;
    const trailerSignature = sign('AWS4-HMAC-SHA256-TRAILER', date, scope, signature, sha256(`${line}\n`));
    wire.push(Buffer.from(`${damage.trailer?.(line) ?? line}\r\nx-amz-trailer-signature:${trailerSignature}\r\n`));
  }
  const body = Buffer.concat([...wire, Buffer.from('\r\n'), Buffer.alloc(damage.surplusBytes ?? 0)]);
  headers['content-length'] = String(body.length);
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const outgoing = request(
      `${url}/${Bucket}/${key}`,
      { method: 'PUT', headers, agent: damage.agent },
      async (answer) => {
        let text = '';
        for await (const chunk of answer.setEncoding('utf8')) text += chunk;
        resolve({ status: answer.statusCode ?? 0, text });
      },
    );
    outgoing.on('error', reject).end(body);
  });
}

for (const trailer of [false, true]) {
  const what = trailer ? 'signed chunks with a signed trailer' : 'signed chunks';

  test(`allows ${what}`, async () => {
    const key = `chunks-${trailer}`;
    const answer = await putChunks(key, { trailer });
    assert.deepEqual(answer, { status: 200, text: '' });
    assert.deepEqual(await stored(key), bytes);
    assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: key }))).ContentEncoding, undefined);
  });

  for (const [how, damage, expected] of [
    [
      'another signature',
      { chunk: (text: string) => text.replace(/./, (c) => (c === '0' ? '1' : '0')) },
      'SignatureDoesNotMatch',
    ],
    ['no signature', { chunk: () => '' }, 'IncompleteBody'],
    ['other bytes', { data: (data: Buffer) => Buffer.alloc(data.length, 1) }, 'SignatureDoesNotMatch'],
    ['another length', { sizeBytes: bytes.length + 1 }, 'IncompleteBody'],
  ] as const) {
    test(`prevents ${what} with ${how}`, async () => {
      const answer = await putChunks('damaged', { trailer, damage });
      assert.match(answer.text, new RegExp(`<Code>${expected}</Code>`));
      await refused(stored('damaged'), 'NoSuchKey');
    });
  }
}

test('prevents a trailer that was changed', async () => {
  const damage = { trailer: () => 'x-amz-checksum-crc32:AAAAAA==' };
  assert.match((await putChunks('damaged', { trailer: true, damage })).text, /<Code>SignatureDoesNotMatch</);
  const absent = { trailer: () => 'x-amz-checksum-sha1:AAAAAA==' };
  assert.match((await putChunks('damaged', { trailer: true, damage: absent })).text, /<Code>MalformedTrailerError</);
});

test('refuses streaming forms it does not know', async () => {
  const damage = { payloadHash: 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD' };
  const answer = await putChunks('ecdsa', { trailer: false, damage });
  assert.deepEqual([answer.status, /<Code>(\w+)</.exec(answer.text)?.[1]], [501, 'NotImplemented']);
});

test('a connection goes on after a body that was refused half-way', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const damage = { agent, surplusBytes: 8 * MiB };
  const refusal = await putChunks('refused', { trailer: false, damage: { ...damage, chunk: () => '0'.repeat(64) } });
  assert.equal(refusal.status, 403);
  assert.equal((await putChunks('next', { trailer: false, damage: { agent } })).status, 200);
  agent.destroy();
});
