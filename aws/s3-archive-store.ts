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
import { choiceOf, S3Clients } from './s3-clients.ts';
import { Inbound, openS3Source } from './s3-source.ts';

/** Archives and bundles as objects of S3, in one region or several. */
export class S3ArchiveStore implements ArchiveStore, ArchiveKeys {
  readonly #clients: Pick<S3Clients, 'of'>;
  readonly #inbound: Inbound;
  readonly #outbound = new Outbound();

  /**
   * @param clients one for everything, or a choice of them
   * @param wholeBytes a read of at most so many bytes is one request, however much faster several, or a second try, would be
   */
  constructor(clients: S3Client | S3Clients = new S3Clients(), { wholeBytes = 0 } = {}) {
    this.#clients = choiceOf(clients);
    this.#inbound = new Inbound({ wholeBytes });
  }

  async open(location: ObjectLocation, { tailBytes = 0 }: OpenOptions = {}): Promise<ObjectSource> {
    return await openS3Source(this.#clients.of(location), location, this.#inbound, tailBytes);
  }

  keysBelow(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<string> {
    return listKeys(this.#clients.of({ bucket }), bucket, prefix, signal);
  }

  async put(location: ObjectLocation, body: AsyncIterable<Buffer>, options: PutOptions): Promise<StoredObject> {
    return await put(this.#clients.of(location), location, body, options, this.#outbound);
  }

  async compose(
    location: ObjectLocation,
    plan: PartPlan,
    sources: readonly ObjectSource[],
    options: ComposeOptions = {},
  ): Promise<StoredObject> {
    return await compose(this.#clients.of(location), location, plan, sources, options);
  }
}
