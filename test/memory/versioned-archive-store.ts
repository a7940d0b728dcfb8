import { PodfreightError } from '../../core/errors.ts';
import type { ArchiveStore, ListedObject, ObjectLocation, ObjectSource, StoredObject } from '../../core/ports.ts';
import type { ByteRange } from '../../core/range.ts';
import { MemoryArchiveStore } from './archive-store.ts';

interface Version {
  readonly versionId: string;
  readonly isDeleteMarker: boolean;
  readonly modifiedAt: Date;
}

const INNER = 'versions';

/** Objects with versions and delete markers, as in a versioned bucket; each version is an object of an inner store. */
export class VersionedArchiveStore implements ArchiveStore {
  readonly #inner = new MemoryArchiveStore([INNER]);
  /** Newest last; by `bucket/key`. */
  readonly #versions = new Map<string, Version[]>();
  #count = 0;
  /** Everything that was read. */
  readonly reads: ByteRange[] = [];
  /** The time of what is written next. */
  now = new Date('2026-11-22T16:00:00Z');

  async open(location: ObjectLocation): Promise<ObjectSource> {
    const { bucket, key, region } = location;
    const name = `s3://${bucket}/${key}`;
    const version = this.#find(location);
    if (version === undefined || version.isDeleteMarker) {
      throw new PodfreightError('not-found', `${name} does not exist.`, { subject: { bucket, key } });
    }
    const { versionId, modifiedAt } = version;
    const inner = await this.#inner.open(innerLocation(location, versionId));
    const read = async (range: ByteRange) => {
      this.reads.push(range);
      return inner.read(range);
    };
    return {
      name,
      location: { bucket, key, ...(region && { region }), versionId },
      sizeBytes: inner.sizeBytes,
      etag: inner.etag,
      modifiedAt,
      metadata: inner.metadata,
      read,
      async *stream(range) {
        yield* inner.stream(range);
      },
      async close() {},
    };
  }

  put(location: ObjectLocation, ...[body, options]: Tail<Parameters<ArchiveStore['put']>>): Promise<StoredObject> {
    return this.#create(location, (inner) => this.#inner.put(inner, body, options));
  }

  compose(location: ObjectLocation, ...rest: Tail<Parameters<ArchiveStore['compose']>>): Promise<StoredObject> {
    return this.#create(location, (inner) => this.#inner.compose(inner, ...rest));
  }

  /** An object as anybody may write it, over what is there. @returns its version */
  write(location: ObjectLocation, bytes: Uint8Array): string {
    const versionId = this.#newVersion();
    this.#inner.overwrite(innerLocation(location, versionId), Buffer.from(bytes));
    return this.#add(location, versionId);
  }

  /** Without a version, adds a delete marker and returns its version; with one, removes that for good. */
  delete(location: ObjectLocation): string {
    const { bucket, key, versionId } = location;
    if (versionId === undefined) return this.#add(location, this.#newVersion(), true);
    const path = `${bucket}/${key}`;
    this.#versions.set(
      path,
      (this.#versions.get(path) ?? []).filter((version) => version.versionId !== versionId),
    );
    this.#inner.remove(innerLocation(location, versionId));
    return versionId;
  }

  /** Keys that have an object, in order. */
  keys(bucket: string): string[] {
    return [...this.#versions]
      .filter(([path, versions]) => path.startsWith(`${bucket}/`) && versions.at(-1)?.isDeleteMarker === false)
      .map(([path]) => path.slice(bucket.length + 1))
      .sort();
  }

  /** The newest version of each key, in no order. */
  async newest(bucket: string): Promise<ListedObject[]> {
    const found: ListedObject[] = [];
    for (const [path, versions] of this.#versions) {
      const newest = versions.at(-1);
      if (newest === undefined || !path.startsWith(`${bucket}/`)) continue;
      const { versionId, modifiedAt, isDeleteMarker: isDeleted } = newest;
      const key = path.slice(bucket.length + 1);
      const etag = isDeleted ? {} : { etag: (await this.#inner.open(innerLocation({ bucket, key }, versionId))).etag };
      found.push({ key, versionId, modifiedAt, isDeleted, ...etag });
    }
    return found;
  }

  #find({ bucket, key, versionId }: ObjectLocation): Version | undefined {
    const versions = this.#versions.get(`${bucket}/${key}`) ?? [];
    return versionId === undefined ? versions.at(-1) : versions.find((version) => version.versionId === versionId);
  }

  async #create(
    { bucket, key }: ObjectLocation,
    store: (location: ObjectLocation) => Promise<StoredObject>,
  ): Promise<StoredObject> {
    const versionId = this.#newVersion();
    const stored = await store(innerLocation({ bucket, key }, versionId));
    if (this.#find({ bucket, key })?.isDeleteMarker === false) {
      throw new PodfreightError('conflict', `s3://${bucket}/${key} exists already.`, { subject: { bucket, key } });
    }
    this.#add({ bucket, key }, versionId);
    return { ...stored, location: { bucket, key, versionId } };
  }

  #newVersion(): string {
    this.#count += 1;
    return `v${this.#count}`;
  }

  #add({ bucket, key }: ObjectLocation, versionId: string, isDeleteMarker = false): string {
    const path = `${bucket}/${key}`;
    const version = { versionId, isDeleteMarker, modifiedAt: this.now };
    this.#versions.set(path, [...(this.#versions.get(path) ?? []), version]);
    return versionId;
  }
}

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

function innerLocation({ bucket, key }: ObjectLocation, versionId: string): ObjectLocation {
  return { bucket: INNER, key: `${bucket}/${key}@${versionId}` };
}
