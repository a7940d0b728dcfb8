import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import { type S3ClientOptions, s3Client } from '../../aws/s3-client.ts';
import type { ObjectLocation } from '../../core/ports.ts';
import { type Faults, type RequestRecord, startS3 } from '../../infra/local/s3/server.ts';
import type { StoreUnderTest } from '../contracts/archive-store.ts';

export const CREDENTIALS = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' };
const REGION = 'eu-central-1';

export interface LocalS3 extends StoreUnderTest, AsyncDisposable {
  readonly url: string;
  readonly client: S3Client;
  /** All that were answered since the start. */
  readonly requests: RequestRecord[];
  /** Set to make the endpoint misbehave. */
  faults: Faults | undefined;
}

export function clientOf(url: string, options: S3ClientOptions = {}): S3Client {
  return s3Client({ endpoint: url, region: REGION, credentials: CREDENTIALS, ...options });
}

/** An endpoint of its own, with one bucket. */
export async function localS3({
  versioned = false,
  region = REGION,
  ...options
}: { versioned?: boolean } & S3ClientOptions = {}): Promise<LocalS3> {
  const dir = await mkdtemp(join(tmpdir(), 'podfreight-aws-'));
  const requests: RequestRecord[] = [];
  let faults: Faults | undefined;
  const endpoint = await startS3({
    dir,
    credentials: { [CREDENTIALS.accessKeyId]: CREDENTIALS.secretAccessKey },
    region,
    faults: (request) => faults?.(request),
    onRequest: (record) => requests.push(record),
  });
  const client = clientOf(endpoint.url, { region, ...options });
  const bucket = region === REGION ? 'archives' : `archives-${region}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  if (versioned) {
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
  }
  const close = async () => {
    client.destroy();
    await endpoint.close();
    await rm(dir, { recursive: true, force: true });
  };
  return {
    url: endpoint.url,
    client,
    requests,
    get faults() {
      return faults;
    },
    set faults(wanted) {
      faults = wanted;
    },
    store: new S3ArchiveStore(client),
    bucket,
    region,
    async overwrite({ bucket: Bucket, key: Key }: ObjectLocation, Body: Buffer) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body }));
    },
    async remove({ bucket: Bucket, key: Key }: ObjectLocation) {
      await client.send(new DeleteObjectCommand({ Bucket, Key }));
    },
    async unfinishedUploads() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return Uploads.length;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
