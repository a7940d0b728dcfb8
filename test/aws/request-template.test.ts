import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { S3Client } from '@aws-sdk/client-s3';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import { s3Client } from '../../aws/s3-client.ts';
import type { WireHandler } from '../../aws/transfer/wire-handler.ts';
import { assertSameBytes, inChunks, readAll } from '../contracts/archive-store.ts';
import { CREDENTIALS, clientOf, localS3 } from './local-s3.ts';

const MiB = 1024 ** 2;

/** How many commands of that name the SDK is given from now on. */
function commandsGiven(client: S3Client, name: string): () => number {
  let count = 0;
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        if (commandName === name) count += 1;
        return next(args);
      },
    { step: 'initialize' },
  );
  return () => count;
}

for (const versioned of [false, true]) {
  test(`most parts and ranges are sent past the SDK, and S3 accepts them${versioned ? ', versions too' : ''}`, async () => {
    await using s3 = await localS3({ versioned });
    const location = { bucket: s3.bucket, key: "a b/ä+(1)!'*.tar" };
    const bytes = randomBytes(100 * MiB);
    const uploads = commandsGiven(s3.client, 'UploadPartCommand');
    await s3.store.put(location, inChunks(bytes), { sizeBoundBytes: bytes.length });
    const gets = commandsGiven(s3.client, 'GetObjectCommand');
    assertSameBytes(await readAll(await s3.store.open(location)), bytes);

    for (const [operation, bySdk, status] of [
      ['UploadPart', uploads(), 200],
      ['GetObject', gets(), 206],
    ] as const) {
      const requests = s3.requests.filter((request) => request.operation === operation);
      assert.deepEqual([...new Set(requests.map((request) => request.status))], [status], operation);
      assert.ok(bySdk >= 1 && requests.length >= 13, `${operation}: ${bySdk} of ${requests.length} by the SDK`);
      assert.ok(bySdk <= 8, `${operation}: ${bySdk} of ${requests.length} by the SDK`);
    }
  });
}

test('what is refused is tried by the SDK', async () => {
  await using s3 = await localS3();
  const location = { bucket: s3.bucket, key: 'k' };
  const bytes = randomBytes(100 * MiB);
  let count = 0;
  s3.faults = ({ operation }) =>
    (operation === 'UploadPart' || operation === 'GetObject') && ++count % 5 === 0
      ? { status: 500, code: 'InternalError' }
      : undefined;
  await s3.store.put(location, inChunks(bytes), { sizeBoundBytes: bytes.length });
  assertSameBytes(await readAll(await s3.store.open(location)), bytes);
  assert.ok(count > 30, `${count}`);
});

/**
 * A server that has just these bytes, whatever it is asked for.
 * @param refuse says how it answers otherwise: status and headers
 */
async function serve(
  t: TestContext,
  bytes: Buffer,
  refuse = (_: IncomingHttpHeaders): Refusal | undefined => undefined,
) {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer(({ method, headers }, answer) => {
    const refusal = refuse(headers);
    if (refusal !== undefined) {
      answer.writeHead(refusal.status, { ...refusal.headers, 'content-length': 0 }).end();
      return;
    }
    const [, start = 0, last = bytes.length - 1] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')?.map(Number) ?? [];
    const all = { etag: '"e"', 'last-modified': new Date(0).toUTCString(), 'content-length': last + 1 - start };
    if (method === 'HEAD') {
      answer.writeHead(200, all).end();
      return;
    }
    seen.push(headers);
    const told = { ...all, 'content-range': `bytes ${start}-${last}/${bytes.length}` };
    answer.writeHead(206, told).end(bytes.subarray(start, last + 1));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  return { port: (server.address() as AddressInfo).port, seen };
}

interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

test('an endpoint that refuses all copies is not asked for more of them', async () => {
  await using s3 = await localS3();
  const location = { bucket: s3.bucket, key: 'k' };
  const bytes = randomBytes(100 * MiB);
  await s3.store.put(location, inChunks(bytes), { sizeBoundBytes: bytes.length });
  const source = await s3.store.open(location);
  s3.requests.length = 0;
  // The SDK's own have a number of their own.
  s3.faults = ({ operation, headers }) =>
    operation === 'GetObject' && headers['amz-sdk-invocation-id'] === undefined
      ? { status: 400, code: 'AuthorizationHeaderMalformed' }
      : undefined;
  assertSameBytes(await readAll(source), bytes);
  const refused = s3.requests.filter(({ status }) => status === 400).length;
  assert.ok(refused >= 3 && refused <= 3 + 16, `${refused} of ${s3.requests.length}`); // those under way as well
});

test('each request is signed with the credentials of its moment', async (t) => {
  const bytes = randomBytes(64 * MiB);
  const { port, seen } = await serve(t, bytes);

  let turn = 0;
  /** They expire so soon that they are asked for anew each time; only some have a token. */
  const credentials = async () => {
    turn += 1;
    const token = turn % 2 === 0 ? { sessionToken: `token-${turn}` } : {};
    return { accessKeyId: `KEY${turn}`, secretAccessKey: 'secret', expiration: new Date(Date.now() + 1000), ...token };
  };
  const client = clientOf(`http://127.0.0.1:${port}`, { credentials: credentials as unknown as typeof CREDENTIALS });
  t.after(() => client.destroy());
  const gets = commandsGiven(client, 'GetObjectCommand');
  assertSameBytes(await readAll(await new S3ArchiveStore(client).open({ bucket: 'archives', key: 'k' })), bytes);

  assert.ok(gets() < seen.length / 2, `${gets()} of ${seen.length} by the SDK`);
  const keys = seen.map(({ authorization }) => Number(/Credential=KEY(\d+)\//.exec(authorization ?? '')?.[1]));
  assert.ok(new Set(keys).size > keys.length / 2, `${keys}`); // requests of one moment share them
  for (const [i, key] of keys.entries()) {
    assert.equal(seen[i]?.['x-amz-security-token'], key % 2 === 0 ? `token-${key}` : undefined);
  }
});

test('where S3 sent the SDK on to another region, all requests are signed for that', async (t) => {
  const bytes = randomBytes(64 * MiB);
  const refused: string[] = [];
  let sentOn = 0;
  const { port, seen } = await serve(t, bytes, ({ host = '', authorization = '' }) => {
    if (!host.includes('eu-west-1')) {
      sentOn += 1;
      return { status: 301, headers: { 'x-amz-bucket-region': 'eu-west-1' } };
    }
    if (authorization.includes('/eu-west-1/s3/')) return undefined;
    refused.push(authorization);
    return { status: 400 };
  });
  const client = s3Client({ region: 'us-east-1', credentials: CREDENTIALS });
  t.after(() => client.destroy());
  const wire = client.config.requestHandler as unknown as WireHandler;
  const handle = wire.handle.bind(wire);
  wire.handle = (request, options) => handle({ ...request, protocol: 'http:', hostname: '127.0.0.1', port }, options);
  assertSameBytes(await readAll(await new S3ArchiveStore(client).open({ bucket: 'archives', key: 'k' })), bytes);
  assert.deepEqual(refused, []);
  assert.ok(sentOn < seen.length / 2, `${sentOn} sent on for ${seen.length} ranges`);
});
