import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { countRequests } from '../../aws/request-count.ts';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import type { ArchiveFormat } from '../../core/archive/format.ts';
import { createBundle } from '../../core/bundle/create-bundle.ts';
import type { BundleForecast, BundleResult } from '../../core/bundle/request.ts';
import { catalogueObject } from '../../core/catalogue/catalogue-archive.ts';
import { isPodfreightError } from '../../core/errors.ts';
import type { Catalogue } from '../../core/ports.ts';
import type { Fault } from '../../infra/local/s3/server.ts';
import { clientOf, type LocalS3, localS3 } from '../aws/local-s3.ts';
import { readAll } from '../contracts/archive-store.ts';
import { archiveOf, incompressible, type TestPod } from '../core/catalogue/archives.ts';
import { numbers, slice } from '../crash/slice.ts';
import { memoryCatalogue } from '../memory/catalogue.ts';

const BUNDLES = 'bundles';
const PODS: readonly (readonly [TestPod, ArchiveFormat])[] = [
  [{ sandboxId: 'long-1', content: incompressible(12_000_000) }, 'tar+zstd'],
  [{ sandboxId: 'longer-1', content: incompressible(13_000_000).reverse() }, 'tar+zstd'],
  [{ sandboxId: 'foreign-1', content: incompressible(300_000) }, 'tar+gzip'],
  [{ sandboxId: 'small-1' }, 'tar+zstd'],
];

// `PODFREIGHT_CRASH=full` tries every request with every fault, which takes minutes.

/** Operations that may take minutes, and so are not given up soon. */
const PATIENT = /^(PutObject|UploadPart|UploadPartCopy|CompleteMultipartUpload)$/;
/** Operations that begin to answer before they know how it ends. */
const EAGER = /^(UploadPartCopy|CompleteMultipartUpload)$/;

const FAULTS: readonly (readonly [what: string, faultOf: (operation: string) => Fault | undefined])[] = [
  ['fails with 500', () => ({ status: 500, code: 'InternalError' })],
  ['is told to slow down', () => ({ status: 503, code: 'SlowDown' })],
  ['gets no answer in time', (operation) => (PATIENT.test(operation) ? 'drop' : 'hang')],
  [
    'fails within a success',
    (operation) => (EAGER.test(operation) ? { status: 200, code: 'InternalError' } : undefined),
  ],
  ['is done, but not answered', () => 'drop-answer'],
];
describe('a bundle whose requests to S3 fail', () => {
  let s3: LocalS3;
  let store: S3ArchiveStore;
  let sent: () => number;
  let catalogue: Catalogue;
  /** Of the bundle that should come of it. */
  let digest: string;
  let operations: string[];

  before(async () => {
    s3 = await localS3();
    await s3.client.send(new CreateBucketCommand({ Bucket: BUNDLES }));
    const client = clientOf(s3.url, { answerTimeoutMs: 250, stallMs: 250 });
    store = new S3ArchiveStore(client);
    sent = countRequests(client);
    catalogue = memoryCatalogue();
    for (const [i, [pod, format]] of PODS.entries()) {
      const location = { bucket: s3.bucket, key: `prod/node-${i}/${pod.sandboxId}/20261122T132000Z.tar` };
      await s3.overwrite(location, await archiveOf([pod], { format }));
      const event = { kind: 'created', ...location, sequencer: `00${i}`, at: '2026-11-22T13:20:05Z' } as const;
      await catalogueObject(event, { store, catalogue });
    }
  });
  after(() => s3.close());

  const ask = (dryRun = false) =>
    createBundle(
      { pods: [{ cluster: 'prod' }], dryRun },
      { store, catalogue, bucket: BUNDLES, requests: () => ({ s3: sent(), dynamodb: 0 }), remainingMs: () => 900_000 },
    );

  async function reset(): Promise<void> {
    s3.faults = undefined;
    const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: BUNDLES }));
    for (const { Key } of Contents) await s3.client.send(new DeleteObjectCommand({ Bucket: BUNDLES, Key }));
    s3.requests.length = 0;
  }

  async function assertRight(answer: Awaited<ReturnType<typeof ask>>): Promise<void> {
    assert.ok(answer.state === 'ready');
    const { location, etag, bundleId } = answer;
    const object = await s3.store.open(location);
    assert.equal(object.etag, etag);
    const made = createHash('sha256')
      .update(await readAll(object))
      .digest('hex');
    digest ??= made;
    assert.equal(made, digest);
    assert.equal((await catalogue.bundle(bundleId))?.etag, etag);
    assert.equal(await unfinished(), 0);
  }

  const unfinished = async () => {
    const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: BUNDLES }));
    return Uploads.length;
  };

  it('counts every request, and foretells how many it takes', async () => {
    await ask(); // rewrites what cannot be copied, which a forecast can only guess
    const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: BUNDLES }));
    const bundle = Contents.map(({ Key }) => Key!).find((key) => !key.startsWith('normalised/'))!;
    await s3.client.send(new DeleteObjectCommand({ Bucket: BUNDLES, Key: bundle }));
    const forecast = (await ask(true)) as BundleForecast;
    s3.requests.length = 0;
    const result = (await ask()) as BundleResult;
    assert.equal(result.requests.s3, s3.requests.length);
    assert.equal(forecast.requests.s3, result.requests.s3);
    assert.ok(result.requests.s3 <= 30, `${result.requests.s3} requests`);

    await reset();
    let failed = 0;
    s3.faults = ({ operation }) => {
      if (operation !== 'UploadPartCopy' || failed > 1) return undefined;
      failed += 1;
      return { status: 500, code: 'InternalError' };
    };
    const retried = (await ask()) as BundleResult;
    assert.equal(failed, 2);
    assert.equal(retried.requests.s3, s3.requests.length);
  });

  it('is made when none fails', async () => {
    await reset();
    const answer = await ask();
    operations = s3.requests.map(({ operation }) => operation);
    await assertRight(answer);
    assert.deepEqual([...new Set(operations)].sort(), [
      'CompleteMultipartUpload',
      'CreateMultipartUpload',
      'GetObject',
      'HeadObject',
      'ListMultipartUploads',
      'PutObject',
      'UploadPart',
      'UploadPartCopy',
    ]);
  });

  for (const [i, [what, faultOf]] of FAULTS.entries()) {
    it(`is made all the same when any one ${what}`, async (t) => {
      const able = operations.filter((operation) => faultOf(operation) !== undefined);
      // They come in another order each time, but as many of each operation.
      const each = able.map((operation, i) => ({
        operation,
        nth: able.slice(0, i + 1).filter((o) => o === operation).length,
      }));
      const failed: string[] = [];
      for (const { operation, nth } of slice(each, 7, i)) {
        await reset();
        let seen = 0;
        s3.faults = (request) => {
          if (request.operation !== operation) return undefined;
          seen += 1;
          if (seen === nth) failed.push(operation);
          return seen === nth ? faultOf(operation) : undefined;
        };
        const answer = await ask();
        s3.faults = undefined;
        await assertRight(answer);
      }
      t.diagnostic(`failed in turn: ${failed.join(', ')}`);
      assert.equal(failed.length, slice(each, 7, i).length);
    });

    it(`is made, or cleanly not, when every one of a kind ${what}`, async (t) => {
      const codes: string[] = [];
      const able = [...new Set(operations)].filter((operation) => faultOf(operation) !== undefined);
      for (const operation of slice(able, 8, i + 2)) {
        const fault = faultOf(operation);
        await reset();
        s3.faults = (request) => (request.operation === operation ? fault : undefined);
        const answer = await ask().catch((error: unknown) => error);
        s3.faults = undefined;
        if (isPodfreightError(answer)) {
          codes.push(`${operation}: ${answer.code}`);
          assert.ok(
            ['service', 'unreachable'].includes(answer.code),
            `${operation}: ${answer.code}, ${answer.message}`,
          );
          assert.equal(await unfinished(), 0, operation);
          await assertRight(await ask());
        } else {
          codes.push(`${operation}: made`);
          await assertRight(answer as Awaited<ReturnType<typeof ask>>);
        }
      }
      t.diagnostic(codes.join(', '));
    });
  }

  it('is made by who asks next when S3 was gone from any request on', async () => {
    for (const from of slice(numbers(operations.length), 9, 3)) {
      await reset();
      let seen = 0;
      s3.faults = () => {
        seen += 1;
        return seen >= from ? { status: 500, code: 'InternalError' } : undefined;
      };
      await assert.rejects(ask(), { code: 'service' });
      s3.faults = undefined;
      await assertRight(await ask());
    }
  });
});
