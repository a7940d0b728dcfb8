import type { S3Client } from '@aws-sdk/client-s3';
import type { PartPlan } from '../core/bundle/plan.ts';
import type {
  ArchiveKeys,
  ArchiveStore,
  ComposeOptions,
  ObjectLocation,
  ObjectSource,
  OpenOptions,
  PutOptions,
  StoredObject,
} from '../core/ports.ts';
import { compose } from './compose.ts';
import { listKeys } from './list-keys.ts';
import { Outbound, put } from './put.ts';
import { s3Client } from './s3-client.ts';
import { Inbound, openS3Source } from './s3-source.ts';

/** Archives and bundles as objects of S3. */
export class S3ArchiveStore implements ArchiveStore, ArchiveKeys {
  readonly #client: S3Client;
  readonly #inbound = new Inbound();
  readonly #outbound = new Outbound();

  constructor(client: S3Client = s3Client()) {
    this.#client = client;
  }

  async open(location: ObjectLocation, { tailBytes = 0 }: OpenOptions = {}): Promise<ObjectSource> {
    return await openS3Source(this.#client, location, this.#inbound, tailBytes);
  }

  keysBelow(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<string> {
    return listKeys(this.#client, bucket, prefix, signal);
  }

  async put(location: ObjectLocation, body: AsyncIterable<Buffer>, options: PutOptions): Promise<StoredObject> {
    return await put(this.#client, location, body, options, this.#outbound);
  }

  async compose(
    location: ObjectLocation,
    plan: PartPlan,
    sources: readonly ObjectSource[],
    options: ComposeOptions = {},
  ): Promise<StoredObject> {
    return await compose(this.#client, location, plan, sources, options);
  }
}
