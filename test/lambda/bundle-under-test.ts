import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { countRequests } from '../../aws/request-count.ts';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import type { ArchiveFormat } from '../../core/archive/format.ts';
import { createBundle } from '../../core/bundle/create-bundle.ts';
import { S3_PART_LIMITS } from '../../core/bundle/part-limits.ts';
import type { BundleAnswer } from '../../core/bundle/request.ts';
import { catalogueObject } from '../../core/catalogue/catalogue-archive.ts';
import type { Catalogue } from '../../core/ports.ts';
import type { Fault } from '../../infra/local/s3/server.ts';
import { clientOf, type LocalS3, localS3 } from '../aws/local-s3.ts';
import { readAll } from '../contracts/archive-store.ts';
import { archiveOf, incompressible, type TestPod } from '../core/catalogue/archives.ts';
import { memoryCatalogue } from '../memory/catalogue.ts';

const BUNDLES = 'bundles';
/** Some to copy whole, one to copy but for its beginning, one to be rewritten first, and a small one to send. */
const PODS: readonly (readonly [TestPod, ArchiveFormat])[] = [
  [{ sandboxId: 'long-1', content: incompressible(12_000_000) }, 'tar+zstd'],
  [{ sandboxId: 'longer-1', content: incompressible(13_000_000).reverse() }, 'tar+zstd'],
  [{ sandboxId: 'foreign-1', content: incompressible(300_000) }, 'tar+gzip'],
  [{ sandboxId: 'small-1' }, 'tar+zstd'],
];

/** So that a request that hangs costs a test no minutes, and one that does not has time on a busy machine. */
const IMPATIENCE_MS = 1500;

/** Which answer to fault: `nth` of all requests of that operation, or every one. */
export interface Target {
  readonly operation: string;
  readonly nth?: number;
}

/** The bundle function's work on an S3 that does as it is told, and what must come of it. */
export class BundleUnderTest {
  readonly #s3: LocalS3;
  readonly #catalogue: Catalogue = memoryCatalogue();
  /** Of the one right bundle. */
  #digest: string | undefined;
  #key = '';

  private constructor(s3: LocalS3) {
    this.#s3 = s3;
  }

  static async start(): Promise<BundleUnderTest> {
    const s3 = await localS3();
    await s3.client.send(new CreateBucketCommand({ Bucket: BUNDLES }));
    const bundle = new BundleUnderTest(s3);
    for (const [i, [pod, format]] of PODS.entries()) {
      const location = { bucket: s3.bucket, key: `prod/node-${i}/${pod.sandboxId}/20261122T132000Z.tar` };
      await s3.overwrite(location, await archiveOf([pod], { format }));
      const event = { kind: 'created', ...location, sequencer: `00${i}`, at: '2026-11-22T13:20:05Z' } as const;
      await catalogueObject(event, { store: s3.store, catalogue: bundle.#catalogue });
    }
    return bundle;
  }

  close(): Promise<void> {
    return this.#s3.close();
  }

  /** Answered since the last reset, in no certain order. */
  async operations(): Promise<string[]> {
    await this.#allTold();
    return this.#s3.requests.map(({ operation }) => operation);
  }

  /** Requests are told of when they were answered, which may be a moment later: so much later as one that comes behind them. */
  async #allTold(): Promise<void> {
    const Key = `nothing-${randomUUID()}`;
    await assert.rejects(this.#s3.client.send(new HeadObjectCommand({ Bucket: BUNDLES, Key })));
    const position = () => this.#s3.requests.findIndex(({ key }) => key === Key);
    for (let waits = 0; position() < 0 && waits < 1000; waits++) await delay(10);
    this.#s3.requests.splice(position(), 1);
  }

  /**
   * Each time with a client of its own, since the SDK repeats less and less of what fails again and again.
   * @param patience whether requests may take the time that S3 has in production
   */
  async ask({ dryRun = false, patience = true } = {}): Promise<BundleAnswer> {
    const { url } = this.#s3;
    const client = patience
      ? clientOf(url)
      : withoutPatience(clientOf(url, { answerTimeoutMs: IMPATIENCE_MS, stallMs: IMPATIENCE_MS }));
    const sent = countRequests(client);
    try {
      return await createBundle(
        { pods: [{ cluster: 'prod' }], dryRun },
        {
          ...{
            store: new S3ArchiveStore(client, { wholeBytes: S3_PART_LIMITS.uploadPartBytes }),
            catalogue: this.#catalogue,
            bucket: BUNDLES,
          },
          requests: () => ({ s3: sent(), dynamodb: 0 }),
          remainingMs: () => 900_000,
        },
      );
    } finally {
      client.destroy();
    }
  }

  /** Nothing was asked for yet; `normalised` keeps what is only made to copy from. */
  async reset({ normalised = false } = {}): Promise<void> {
    this.#s3.faults = undefined;
    const { Contents = [] } = await this.#s3.client.send(new ListObjectsV2Command({ Bucket: BUNDLES }));
    for (const { Key } of Contents) {
      if (normalised && Key?.startsWith('normalised/')) continue;
      await this.#s3.client.send(new DeleteObjectCommand({ Bucket: BUNDLES, Key }));
    }
    for (const UploadId of await this.unfinished()) {
      await this.#s3.client.send(new AbortMultipartUploadCommand({ Bucket: BUNDLES, Key: this.#key, UploadId }));
    }
    await this.#allTold();
    this.#s3.requests.length = 0;
  }

  /**
   * As a call leaves it that could not even clean up: an upload without its last part, and another one, which some other
   * call had begun.
   * @param copies how many parts are copied
   */
  async leaveUnfinished(copies: number): Promise<void> {
    await this.reset();
    this.#s3.faults = async ({ operation }) => {
      if (operation === 'AbortMultipartUpload') return { status: 500, code: 'InternalError' };
      if (operation !== 'UploadPart') return undefined;
      for (let waits = 0; this.#copied() < copies && waits < 1000; waits++) await delay(10);
      return { status: 500, code: 'InternalError' };
    };
    await assert.rejects(this.ask(), { code: 'service' });
    this.#s3.faults = undefined;
    assert.equal((await this.unfinished()).length, 1);
    await this.#s3.client.send(new CreateMultipartUploadCommand({ Bucket: BUNDLES, Key: this.#key }));
    await this.#allTold();
    this.#s3.requests.length = 0;
  }

  #copied(): number {
    return this.#s3.requests.filter(({ operation, status }) => operation === 'UploadPartCopy' && status === 200).length;
  }

  /** @returns how many requests met the fault so far */
  fault(target: Target, fault: Fault): () => number {
    let seen = 0;
    let met = 0;
    this.#s3.faults = ({ operation }) => {
      if (operation !== target.operation) return undefined;
      seen += 1;
      if (target.nth !== undefined && seen !== target.nth) return undefined;
      met += 1;
      return fault;
    };
    return () => met;
  }

  /** S3 is gone from this request on. */
  goneFrom(nth: number): void {
    let seen = 0;
    this.#s3.faults = () => {
      seen += 1;
      return seen >= nth ? { status: 500, code: 'InternalError' } : undefined;
    };
  }

  heal(): void {
    this.#s3.faults = undefined;
  }

  /**
   * The one right bundle, whole, catalogued, and nothing beside it.
   * @param couldEnd whether uploads could be ended
   */
  async assertRight(answer: unknown, { couldEnd = true } = {}): Promise<void> {
    const { state, location, etag, bundleId } = answer as Extract<BundleAnswer, { state: 'ready' }>;
    assert.equal(state, 'ready', String(answer));
    const object = await this.#s3.store.open(location);
    assert.equal(object.etag, etag);
    const digest = createHash('sha256')
      .update(await readAll(object))
      .digest('hex');
    this.#digest ??= digest;
    this.#key = location.key;
    assert.equal(digest, this.#digest);
    assert.equal((await this.#catalogue.bundle(bundleId))?.etag, etag);
    if (couldEnd) assert.deepEqual(await this.unfinished(), []);
  }

  /** Ids of uploads to the bundle's key. */
  async unfinished(): Promise<string[]> {
    const { Uploads = [] } = await this.#s3.client.send(new ListMultipartUploadsCommand({ Bucket: BUNDLES }));
    return Uploads.map(({ UploadId }) => UploadId!);
  }
}

/** Also for calls that S3 may take minutes for. */
function withoutPatience(client: S3Client): S3Client {
  const wire = client.config.requestHandler;
  const handle = wire.handle.bind(wire);
  wire.handle = (request, options) => handle(request, { ...options, requestTimeout: IMPATIENCE_MS });
  return client;
}
