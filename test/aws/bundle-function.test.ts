import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { requestBundle } from '../../aws/bundle-function.ts';
import { lambdaClient } from '../../aws/lambda-client.ts';
import type { BundleProgress, BundleRequest } from '../../core/bundle/request.ts';

const REQUEST: BundleRequest = { pods: [{ cluster: 'prod' }] };
const AS_OF = '2026-11-22T13:20:00Z';

interface Rewriting {
  readonly archive: string;
  readonly bytesRead: number;
}

function effort(s3: number, rewritten: readonly Rewriting[] = []) {
  const written = rewritten.map((one) => ({ ...one, reason: 'has no index', bytesWritten: one.bytesRead * 2 }));
  return { requests: { s3, dynamodb: 1 }, bytesCopied: s3 * 100, bytesThrough: s3 * 10, rewritten: written };
}

const unfinished = (doneBytes: number, step: BundleProgress['step'] = 'copying', ...of: Parameters<typeof effort>) => ({
  state: 'unfinished',
  asOf: AS_OF,
  progress: { step, doneBytes, totalBytes: 100 },
  ...effort(...of),
});

/** A function that gives these answers, one after the other, the last for good. */
async function functionWith(t: TestContext, answers: readonly object[]) {
  const asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    asked.push(await json(request));
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    const failed = 'errorType' in answer! ? { 'x-amz-function-error': 'Unhandled' } : {};
    response.writeHead(200, { 'content-type': 'application/json', ...failed }).end(JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = lambdaClient({ endpoint, region: 'eu-central-1', credentials });
  t.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { client, asked };
}

test('asks again until the bundle is ready, for the same pods, and adds up what it took', async (t) => {
  const ready = { state: 'ready', bundleId: 'b', ...effort(4, [{ archive: 'a', bytesRead: 0 }]) };
  const { client, asked } = await functionWith(t, [
    unfinished(50, 'rewriting', 7, [{ archive: 'a', bytesRead: 5 }]),
    unfinished(20, 'copying', 1),
    ready,
  ]);
  const progress: BundleProgress[] = [];
  const result = await requestBundle('f', REQUEST, { client, onProgress: (done) => progress.push(done) });
  assert.deepEqual(asked, [REQUEST, { ...REQUEST, asOf: AS_OF }, { ...REQUEST, asOf: AS_OF }]);
  assert.deepEqual(
    progress.map(({ step, doneBytes }) => [step, doneBytes]),
    [
      ['rewriting', 50],
      ['copying', 20],
    ],
  );
  const { rewritten, ...rest } = effort(12, [{ archive: 'a', bytesRead: 5 }]);
  assert.deepEqual(result, { state: 'ready', bundleId: 'b', ...rest, requests: { s3: 12, dynamodb: 3 }, rewritten });
});

test('gives up when nothing moves', async (t) => {
  const { client, asked } = await functionWith(t, [unfinished(20, 'copying', 1)]);
  await assert.rejects(requestBundle('f', REQUEST, { client }), { code: 'service', message: /no progress/ });
  assert.equal(asked.length, 4);
});

test('hands on what the function refused', async (t) => {
  const said = JSON.stringify({ code: 'conflict', message: 'Select one of the two.', subject: {} });
  const { client } = await functionWith(t, [{ errorType: 'PodfreightError', errorMessage: said }]);
  await assert.rejects(requestBundle('f', REQUEST, { client }), {
    code: 'conflict',
    message: 'Select one of the two.',
  });
});

test('stops waiting when it is interrupted', async (t) => {
  const { client } = await functionWith(t, [unfinished(1, 'copying', 1)]);
  const abort = new AbortController();
  const asking = requestBundle('f', REQUEST, { client, signal: abort.signal, onProgress: () => abort.abort() });
  await assert.rejects(asking, { code: 'interrupted' });
});
