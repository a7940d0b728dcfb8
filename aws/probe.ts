import { InvokeCommand } from '@aws-sdk/client-lambda';
import { GetBucketVersioningCommand, HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ClockReading } from '../core/clock.ts';
import { isPodfreightError } from '../core/errors.ts';
import type { ObjectLocation } from '../core/ports.ts';
import { type Regions, regionOf } from '../core/regions.ts';
import { ANSWER_TIMEOUT_MS } from './clients.ts';
import { ClockWatch } from './clock-watch.ts';
import { dynamodbCatalogue } from './dynamodb-catalogue.ts';
import { dynamodbClient } from './dynamodb-client.ts';
import { awsError, httpStatus } from './errors.ts';
import { lambdaClient } from './lambda-client.ts';
import { nearestRegion } from './own-region.ts';
import { s3Client } from './s3-client.ts';
import { S3Clients } from './s3-clients.ts';

/** The second time with the server's clock, if the first was refused for ours. */
const IMPATIENT = { maxAttempts: 2, answerTimeoutMs: ANSWER_TIMEOUT_MS };

export interface Identity {
  readonly accessKeyId: string;
  readonly expiresAt?: Date;
}

/** What could be learnt of a bucket; absent is what these credentials may not ask. */
export interface BucketLook {
  readonly versioned?: boolean;
  readonly region?: string;
}

/** Asks AWS as little as tells whether the other commands would get an answer, and changes nothing. */
export class Probe implements Disposable {
  readonly #watch = new ClockWatch();
  readonly #s3: S3Client = this.#watch.attach(s3Client(IMPATIENT));
  readonly #regions: Regions;
  readonly #buckets: S3Clients;

  constructor(regions: Regions = new Map()) {
    this.#regions = regions;
    this.#buckets = new S3Clients(regions, IMPATIENT);
  }

  /** @throws PodfreightError `no-credentials` */
  async credentials(): Promise<Identity> {
    try {
      const { accessKeyId, expiration } = await this.#s3.config.credentials();
      return { accessKeyId, ...(expiration !== undefined && { expiresAt: expiration }) };
    } catch (error) {
      throw awsError(error, 'this machine');
    }
  }

  /** @throws PodfreightError `usage` when none is set */
  async region(): Promise<string> {
    try {
      return await this.#s3.config.region();
    } catch (error) {
      throw awsError(error, 'this machine');
    }
  }

  /** @throws PodfreightError `not-found`, `access-denied` for bad credentials, `unreachable`, `service` */
  async bucket(bucket: string): Promise<BucketLook> {
    const what = `s3://${bucket}`;
    const s3 = this.#clientOf(bucket);
    const { Status, denied } = await s3
      .send(new GetBucketVersioningCommand({ Bucket: bucket }))
      .then(({ Status }) => ({ Status, denied: false }))
      .catch((error) => {
        if ((error as Error).name === 'AccessDenied') return { Status: undefined, denied: true };
        throw awsError(error, what, { bucket });
      });
    const region = await s3
      .send(new HeadBucketCommand({ Bucket: bucket }))
      .then(({ BucketRegion }) => BucketRegion)
      .catch((error) => {
        if (httpStatus(error) === 403) return undefined; // a HEAD has no body to say why
        throw awsError(error, what, { bucket });
      });
    return { ...(!denied && { versioned: Status === 'Enabled' }), ...(region !== undefined && { region }) };
  }

  /**
   * The newest bundle, by an index as `list` does; where that is denied, an item as agents ask for.
   * @param own an object that this node could have pushed
   * @returns whether these credentials may ask an index
   * @throws PodfreightError as the catalogue
   */
  async table(name: string, own?: ObjectLocation): Promise<{ listable: boolean }> {
    const client = this.#watch.attach(dynamodbClient({ ...IMPATIENT, ...(await this.#home()) }));
    const catalogue = dynamodbCatalogue(name, client);
    try {
      const denied = await catalogue.bundles({ limit: 1 }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (denied === undefined) return { listable: true };
      if (own === undefined || !isPodfreightError(denied, 'access-denied')) throw denied;
      await catalogue.archive(own);
      return { listable: false };
    } finally {
      client.destroy();
    }
  }

  /** Whether it could be called; it does not run. @throws PodfreightError `not-found`, `access-denied`, … */
  async function(name: string): Promise<void> {
    const home = await this.#home();
    const endpoint = home && this.#regions.get(home.region)?.lambdaEndpoint;
    const client = this.#watch.attach(lambdaClient({ ...IMPATIENT, ...home, ...(endpoint && { endpoint }) }));
    try {
      await client.send(new InvokeCommand({ FunctionName: name, InvocationType: 'DryRun' }));
    } catch (error) {
      throw awsError(error, `function ${name}`);
    } finally {
      client.destroy();
    }
  }

  /** Of every answer there was until now. */
  get clock(): readonly ClockReading[] {
    return this.#watch.readings;
  }

  [Symbol.dispose](): void {
    this.#s3.destroy();
    this.#buckets.destroy();
  }

  /** The own region's, unless the bucket is known to be in another. */
  #clientOf(bucket: string): S3Client {
    const isSomewhere = this.#regions.size > 1 && regionOf({ bucket }, this.#regions) !== undefined;
    return isSomewhere ? this.#buckets.of({ bucket }) : this.#s3;
  }

  /** Where commands ask for table and function; undefined in the own region. */
  async #home(): Promise<{ readonly region: string } | undefined> {
    const region = await nearestRegion(this.#regions, this.#s3);
    return region === undefined ? undefined : { region };
  }
}
