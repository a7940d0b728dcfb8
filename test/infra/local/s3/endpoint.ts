import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type GetObjectCommandOutput, S3Client, type S3ClientConfig, S3ServiceException } from '@aws-sdk/client-s3';
import { type RequestRecord, type S3Event, type S3Options, startS3 } from '../../../../infra/local/s3/server.ts';
import { KEY_ID, REGION, SECRET } from './credentials.ts';

export const MiB = 1024 * 1024;

export { KEY_ID, REGION, SECRET };

/** The SDK's client as anybody would make it; one attempt, so that a test sees the first answer. */
export function clientOf(url: string, config: S3ClientConfig = {}): S3Client {
  return new S3Client({
    endpoint: url,
    region: REGION,
    forcePathStyle: true,
    credentials: { accessKeyId: KEY_ID, secretAccessKey: SECRET },
    maxAttempts: 1,
    ...config,
  });
}

/** A folder that goes when the test file is done. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'podfreight-s3-'));
  after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** An endpoint in a folder of its own, for one test file, with all it reports. */
export async function startEndpoint(options: Partial<S3Options> = {}) {
  const requests: RequestRecord[] = [];
  const events: S3Event[] = [];
  const dir = options.dir ?? (await temporaryFolder());
  const endpoint = await startS3({
    dir,
    credentials: { [KEY_ID]: SECRET },
    region: REGION,
    onRequest: (record) => requests.push(record),
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const s3 = clientOf(endpoint.url);
  after(async () => {
    s3.destroy();
    await endpoint.close();
  });
  return { ...endpoint, endpoint, dir, s3, requests, events };
}

export async function bytesOf(output: GetObjectCommandOutput): Promise<Buffer> {
  assert.ok(output.Body);
  return Buffer.from(await output.Body.transformToByteArray());
}

/** That the SDK throws S3's error `name`; gives it. */
export async function refused(promise: Promise<unknown>, name: string, status?: number): Promise<S3ServiceException> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof S3ServiceException, `expected S3's ${name}, got ${error}`);
    assert.equal(error.name, name, error.message);
    if (status !== undefined) assert.equal(error.$metadata.httpStatusCode, status);
    return error;
  }
  return assert.fail(`accepted, but expected ${name}`);
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Bytes that differ from block to block and from seed to seed. */
export function patterned(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let state = seed;
  for (let i = 0; i < sizeBytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** `bytes` in pieces, as a stream of unknown provenance. */
export function* pieces(bytes: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
