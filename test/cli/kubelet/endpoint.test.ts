import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Endpoint, type EndpointOptions, type EndpointRequest } from '../../../cli/kubelet/endpoint.ts';
import { type ErrorCode, isPodfreightError } from '../../../core/errors.ts';
import { refusingPort } from '../../refusing-port.ts';
import { type FakeServer, serve, TOKEN } from './fake-kubelet.ts';

const REQUEST: EndpointRequest = {
  what: 'look',
  method: 'GET',
  path: '/x?y=1',
  timeoutSeconds: 30,
  answerBytesMax: 100,
  signal: new AbortController().signal,
};

function endpoint({ address, tokenFile, caFile }: FakeServer, options: Partial<EndpointOptions> = {}): Endpoint {
  return new Endpoint({ url: new URL(`https://${address}`), tokenFile, caFile, verify: true, ...options });
}

function failsWith(code: ErrorCode, message: RegExp) {
  return (error: unknown) => {
    assert.ok(isPodfreightError(error, code), String(error));
    assert.match(error.message, message);
    assert.match(error.message, /^Cannot .*[^.]\.$/);
    assert.doesNotMatch(error.message, new RegExp(TOKEN));
    return true;
  };
}

test('reads the token again for each request', async (t) => {
  const seen: unknown[] = [];
  const server = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.end('yes');
  });
  const asked = endpoint(server);
  assert.deepEqual(await asked.request(REQUEST), { status: 200, text: 'yes' });
  await writeFile(server.tokenFile, 'renewed');
  await asked.request({ ...REQUEST, method: 'POST' });
  assert.deepEqual(seen, [`Bearer ${TOKEN}`, 'Bearer renewed']);
  assert.deepEqual(server.requests, ['GET /x?y=1', 'POST /x?y=1']);
});

test("keeps an API server's own path", async (t) => {
  const server = await serve(t, (_, response) => response.end());
  await endpoint(server, { url: new URL(`https://${server.address}/k8s/clusters/c-1/`) }).request(REQUEST);
  assert.deepEqual(server.requests, ['GET /k8s/clusters/c-1/x?y=1']);
});

test('prevents a token from going to whom no certificate proves', async (t) => {
  const answer = (_: unknown, response: { end(): void }) => response.end();
  const other = await serve(t, answer);
  const server = await serve(t, answer);
  const named = await serve(t, answer, { host: 'node-a' });
  const expired = await serve(t, answer, { validUntil: new Date(Date.now() - 60_000) });
  for (const [asked, why] of [
    [endpoint(server, { caFile: undefined }), /is not trusted: self-signed certificate; --kubelet-ca/],
    [endpoint(server, { caFile: other.caFile }), /is not trusted/],
    [endpoint(named), /is not trusted: .*127\.0\.0\.1/],
    [endpoint(expired), /is not trusted: certificate has expired/],
  ] as const) {
    await assert.rejects(asked.request(REQUEST), failsWith('unreachable', why));
  }
  assert.deepEqual([...server.requests, ...named.requests, ...expired.requests], []);
});

test('allows it where nobody shall verify', async (t) => {
  const server = await serve(t, (_, response) => response.end('yes'), { host: 'node-a' });
  const { text } = await endpoint(server, { caFile: undefined, verify: false }).request(REQUEST);
  assert.equal(text, 'yes');
});

test('follows nobody elsewhere', async (t) => {
  const other = await serve(t, (_, response) => response.end());
  const server = await serve(t, (_, response) => {
    response.writeHead(307, { location: `https://${other.address}/` }).end();
  });
  assert.equal((await endpoint(server).request(REQUEST)).status, 307);
  assert.deepEqual(other.requests, []);
});

test('bounds the answer, in length and in time', async (t) => {
  const server = await serve(t, ({ url }, response) => {
    if (url === '/silent') return;
    if (url === '/slow') response.write('a');
    else if (url === '/cut') response.writeHead(200, { 'content-length': '10' }).write('a', () => response.destroy());
    else if (url === '/exact') response.end('a'.repeat(100));
    else response.end('a'.repeat(101));
  });
  const ask = (path: string, timeoutSeconds = 30) => endpoint(server).request({ ...REQUEST, path, timeoutSeconds });
  assert.equal((await ask('/exact')).text.length, 100);
  await assert.rejects(ask('/long'), failsWith('service', /longer than 100 bytes/));
  await assert.rejects(ask('/silent', 0.2), failsWith('unreachable', /did not answer within 0\.2 s/));
  await assert.rejects(ask('/slow', 0.2), failsWith('unreachable', /did not answer within 0\.2 s/));
  await assert.rejects(ask('/cut'), failsWith('unreachable', /closed the connection/));
});

test('ends with the signal', async (t) => {
  const controller = new AbortController();
  const reason = new Error('stop');
  const server = await serve(t, () => controller.abort(reason));
  const request = { ...REQUEST, signal: controller.signal };
  await assert.rejects(endpoint(server).request(request), (error) => error === reason);
  await assert.rejects(endpoint(server).request(request), (error) => error === reason);
  assert.equal(server.requests.length, 1);
});

test('says what kept it from asking', async (t) => {
  const server = await serve(t, (_, response) => response.end());
  const gone = await refusingPort(t);
  const plain = await plainServer(t);
  const empty = `${server.caFile}.empty`;
  await writeFile(empty, '');
  const broken = `${server.caFile}.broken`;
  await writeFile(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const at = (port: number) => endpoint(server, { url: new URL(`https://127.0.0.1:${port}`) });
  await assert.rejects(at(gone).request(REQUEST), failsWith('unreachable', /127\.0\.0\.1:\d+ refuses connections/));
  await assert.rejects(at(plain).request(REQUEST), failsWith('unreachable', /127\.0\.0\.1:\d+ /));
  const nowhere = endpoint(server, { url: new URL('https://nowhere.invalid:1') });
  await assert.rejects(nowhere.request(REQUEST), failsWith('unreachable', /nowhere\.invalid:1 /));
  for (const [options, code] of [
    [{ tokenFile: empty }, 'usage'],
    [{ tokenFile: `${empty}.not` }, 'not-found'],
    [{ caFile: empty }, 'usage'],
    [{ caFile: broken }, 'usage'],
    [{ caFile: `${empty}.not` }, 'not-found'],
  ] as const) {
    const asked = endpoint(server, options).request(REQUEST);
    await assert.rejects(asked, (error) => isPodfreightError(error, code), JSON.stringify(options));
  }
});

/** Speaks no TLS. */
async function plainServer(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}
