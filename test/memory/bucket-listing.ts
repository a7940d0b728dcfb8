import { PodfreightError } from '../../core/errors.ts';
import type { BucketListing, KeyPage, ListedObject } from '../../core/ports.ts';
import { compareKeys } from '../../core/reconcile/merge.ts';
import type { VersionedArchiveStore } from './versioned-archive-store.ts';

const PAGE_KEYS = 100;

/** The newest versions of a {@link VersionedArchiveStore}. */
export class MemoryBucketListing implements BucketListing {
  readonly #store: VersionedArchiveStore;
  readonly #buckets: readonly string[];
  /** Everything that was asked. */
  readonly pages: string[] = [];

  constructor(store: VersionedArchiveStore, buckets: readonly string[]) {
    this.#store = store;
    this.#buckets = buckets;
  }

  async newest(bucket: string, after?: string): Promise<KeyPage<ListedObject>> {
    if (!this.#buckets.includes(bucket)) {
      throw new PodfreightError('not-found', `The bucket ${bucket} does not exist.`, { subject: { bucket } });
    }
    this.pages.push(bucket);
    const all = (await this.#store.newest(bucket)).sort((a, b) => compareKeys(a.key, b.key));
    const rest = all.filter(({ key }) => after === undefined || compareKeys(key, after) > 0);
    const items = rest.slice(0, PAGE_KEYS);
    return { items, ...(rest.length > PAGE_KEYS && { next: items.at(-1)!.key }) };
  }
}
