import { PodfreightError } from '../../core/errors.ts';
import { openIfThere } from '../../core/open-if-there.ts';
import type { ArchiveKeeper, ObjectLocation } from '../../core/ports.ts';
import type { VersionedArchiveStore } from './versioned-archive-store.ts';

/** Deletes from a {@link VersionedArchiveStore}. */
export class MemoryArchiveKeeper implements ArchiveKeeper {
  readonly #store: VersionedArchiveStore;
  readonly #hasLocks: boolean;
  /** Versions that are locked. */
  readonly locked = new Set<string>();

  constructor(store: VersionedArchiveStore, { hasLocks = false } = {}) {
    this.#store = store;
    this.#hasLocks = hasLocks;
  }

  async remove(location: ObjectLocation, etag: string): Promise<boolean> {
    const { bucket, key } = location;
    const found = await openIfThere(this.#store, { bucket, key });
    if (found === undefined) return false;
    if (found.etag !== etag) throw new PodfreightError('source-changed', `s3://${bucket}/${key} has changed.`);
    this.#store.delete({ bucket, key });
    return true;
  }

  async lock({ versionId = '' }: ObjectLocation, on: boolean): Promise<boolean> {
    if (!this.#hasLocks) return false;
    if (on) this.locked.add(versionId);
    else this.locked.delete(versionId);
    return true;
  }
}
