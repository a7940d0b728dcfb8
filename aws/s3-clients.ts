import type { S3Client } from '@aws-sdk/client-s3';
import type { ObjectLocation } from '../core/ports.ts';
import { type Regions, regionOf } from '../core/regions.ts';
import { countRequests } from './request-count.ts';
import { type S3ClientOptions, s3Client } from './s3-client.ts';

/** For whoever takes one client for everything as well as one for each region. */
export function choiceOf(clients: S3Client | S3Clients): Pick<S3Clients, 'of'> {
  return clients instanceof S3Clients ? clients : { of: () => clients };
}

/** A client for each region, made when it is needed first. */
export class S3Clients {
  readonly #regions: Regions;
  readonly #options: S3ClientOptions;
  /** By region; that of `undefined` asks wherever the SDK's own settings say, and follows S3 to where the bucket is. */
  readonly #clients = new Map<string | undefined, S3Client>();
  readonly #counts: (() => number)[] = [];

  constructor(regions: Regions = new Map(), options: S3ClientOptions = {}) {
    this.#regions = regions;
    this.#options = options;
  }

  /** Of the region where the object is. */
  of(location: Pick<ObjectLocation, 'bucket' | 'region'>): S3Client {
    const region = regionOf(location, this.#regions);
    const made = this.#clients.get(region);
    if (made !== undefined) return made;
    const endpoint = region && this.#regions.get(region)?.s3Endpoint;
    const client = s3Client({ ...this.#options, ...(region && { region }), ...(endpoint && { endpoint }) });
    this.#counts.push(countRequests(client));
    this.#clients.set(region, client);
    return client;
  }

  /** Sent so far to all regions, each attempt counted. */
  requests(): number {
    return this.#counts.reduce((sum, count) => sum + count(), 0);
  }

  destroy(): void {
    for (const client of this.#clients.values()) client.destroy();
  }
}
