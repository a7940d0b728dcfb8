import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { GetObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { s3Client } from '../../../aws/s3-client.ts';
import { Landing } from '../../../aws/transfer/landing.ts';
import { CREDENTIALS } from '../local-s3.ts';

const ARGS = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
const BYTES = Buffer.alloc(3_000_000, 'a');
const part = { Bucket: 'b', Key: 'k', UploadId: 'u', PartNumber: 1, ChecksumCRC32: 'AAAAAA==' };

/** Made anew for each run, by the system's openssl. */
function certificate() {
  const dir = mkdtempSync(join(tmpdir(), 'podfreight-tls-'));
  try {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(dir, name)) as [string, string];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const { status, stderr } = spawnSync('openssl', [...ARGS, ...names, '-keyout', key, '-out', cert]);
    assert.equal(status, 0, `${stderr}`);
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('over TLS', () => {
  const system = getCACertificates('default');
  let cert: Buffer;
  let server: Server;
  let connections: { readonly servername: unknown; readonly alpn: unknown; readonly resumed: boolean }[];
  let received: { readonly hash: string | undefined; readonly body: Buffer }[];

  before(async () => {
    const pair = certificate();
    cert = pair.cert;
    server = createServer({ ...pair, ALPNProtocols: ['http/1.1'] }, async (request, answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      received.push({ hash: `${request.headers['x-amz-content-sha256']}`, body: Buffer.concat(chunks) });
      const size = `bytes 0-${BYTES.length - 1}/${BYTES.length}`;
      answer.writeHead(request.method === 'GET' ? 206 : 200, {
        etag: '"e"',
        'content-length': request.method === 'GET' ? BYTES.length : 0,
        'content-range': size,
      });
      answer.end(request.method === 'GET' ? BYTES : '');
    });
    server.on('secureConnection', (socket: TLSSocket & { servername?: string }) => {
      connections.push({ servername: socket.servername, alpn: socket.alpnProtocol, resumed: socket.isSessionReused() });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  beforeEach(() => {
    connections = [];
    received = [];
    setDefaultCACertificates([...system, `${cert}`]);
  });
  after(() => {
    setDefaultCACertificates(system);
    server.closeAllConnections();
    server.close();
  });

  const clientFor = (host: string) =>
    s3Client({
      endpoint: `https://${host}:${(server.address() as AddressInfo).port}`,
      region: 'eu-central-1',
      credentials: CREDENTIALS,
      maxAttempts: 1,
    });

  test('a range lands, a part goes out unsigned, the server is asked for by its name', async () => {
    const client = clientFor('localhost');
    const landing = new Landing(Buffer.alloc(BYTES.length));
    const command = new GetObjectCommand({ Bucket: 'b', Key: 'k', Range: `bytes=0-${BYTES.length - 1}` });
    await client.send(command, { landing } as object);
    assert.ok(landing.bytes.equals(BYTES));
    await client.send(new UploadPartCommand({ ...part, Body: BYTES }));
    assert.equal(received[1]?.hash, 'UNSIGNED-PAYLOAD');
    assert.ok(received[1]?.body.equals(BYTES));
    assert.deepEqual(connections, [{ servername: 'localhost', alpn: 'http/1.1', resumed: false }]);
    client.destroy();
  });

  test('further connections are made with half a handshake', async () => {
    const client = clientFor('localhost');
    const send = () => client.send(new UploadPartCommand({ ...part, Body: 'a' }));
    await send();
    await Promise.all([send(), send()]);
    assert.deepEqual(
      connections.map(({ resumed }) => resumed),
      [false, true],
    );
    client.destroy();
  });

  test('a server that nobody vouches for is not spoken to', async () => {
    setDefaultCACertificates(system);
    const client = clientFor('localhost');
    await assert.rejects(client.send(new UploadPartCommand({ ...part, Body: 'secret' })), {
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    assert.equal(received.length, 0);
    client.destroy();
  });

  test('nor one that is somebody else', async () => {
    const client = clientFor('127.0.0.1');
    await assert.rejects(client.send(new UploadPartCommand({ ...part, Body: 'secret' })), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    assert.equal(received.length, 0);
    client.destroy();
  });
});
