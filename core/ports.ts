/** The doors through which core reaches the world. Each docstring is the contract; every implementation passes one suite. */
import type { PartPlan } from './bundle/plan.ts';
import type { ArchiveRecord, BundleRecord, Page, PageRequest, PodQuery, PodRecord } from './catalogue/records.ts';
import type { ByteRange } from './range.ts';

/**
 * One immutable run of bytes: a local file held open, or one version of an S3 object. All reads are of the same version:
 * when that is gone or replaced they throw `source-changed`, and never mix.
 */
export interface ByteSource {
  /** As a user would write it: a path, or `s3://bucket/key`. */
  readonly name: string;
  readonly sizeBytes: number;
  /**
   * All bytes of `range`, never fewer. `range` lies within `[0, sizeBytes]`; an empty one needs no request.
   * Transient failures are retried inside.
   * @throws PodfreightError `source-changed`, `access-denied`, `unreachable`, `service`, `io`
   */
  read(range: ByteRange): Promise<Buffer>;
  /** The same bytes in order as chunks of any size; memory stays bounded, leaving early releases what was held. */
  stream(range: ByteRange): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

export interface ObjectLocation {
  readonly bucket: string;
  readonly key: string;
  /** Absent: the newest. */
  readonly versionId?: string;
}

export interface ObjectSource extends ByteSource {
  readonly location: ObjectLocation;
  /** With its quotes, as S3 gives it. */
  readonly etag: string;
  readonly modifiedAt: Date;
  /** User metadata, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredObject {
  readonly location: ObjectLocation;
  readonly etag: string;
  readonly sizeBytes: number;
}

export interface PutOptions {
  /** No body is longer; fixes the part size. */
  readonly sizeBoundBytes: number;
  /** Names in lower case. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Bytes stored since the last call. */
  readonly onProgress?: (bytes: number) => void;
  /** Aborting ends in `interrupted`, and leaves nothing behind unless the object was complete already. */
  readonly signal?: AbortSignal;
}

export type ComposeOptions = Pick<PutOptions, 'metadata' | 'signal'>;

export interface ArchiveStore {
  /**
   * Opens one version for reading: a HEAD, after which all reads are pinned to its ETag.
   * @throws PodfreightError `not-found` (bucket or key, and which), `access-denied`, `no-credentials`, `unreachable`, `service`
   */
  open(location: ObjectLocation): Promise<ObjectSource>;

  /**
   * Stores `body` as a new object: complete, or not at all. Never overwrites. A failure of `body` or of S3 leaves no
   * object and no unfinished upload. S3 checks the full-object CRC-32.
   * @throws PodfreightError `conflict` when the key is taken, and as `open`; an error of `body` is passed on as it is
   */
  put(location: ObjectLocation, body: AsyncIterable<Buffer>, options: PutOptions): Promise<StoredObject>;

  /**
   * Stores an object made of literal bytes and of ranges of other objects, which S3 copies: same promises as `put`.
   * Range sources are pinned to their ETags.
   * @throws PodfreightError `conflict`, `source-changed`, `corrupt-archive` when the bytes do not have the plan's CRC-32,
   *   and as `open`
   */
  compose(
    location: ObjectLocation,
    plan: PartPlan,
    sources: readonly ObjectSource[],
    options?: ComposeOptions,
  ): Promise<StoredObject>;
}

/**
 * The table of archives, pods, containers and bundles. Writes are idempotent and ordered by sequencer, so events may come
 * twice, late and shuffled. Reads of one archive are strongly consistent; queries may lag behind (GSIs).
 */
export interface Catalogue {
  /**
   * Records an archive with its pods, or that an object was rejected (`pods` empty) or deleted. An older event than the
   * recorded one changes nothing. Pods are there before the archive is `ready`; a deletion takes its pods out of every query.
   * @returns false when a newer event was recorded already
   */
  record(archive: ArchiveRecord, pods: readonly PodRecord[]): Promise<boolean>;
  /** Whatever version is asked for: the last that was told of. */
  archive(location: ObjectLocation): Promise<ArchiveRecord | undefined>;
  /** By SandboxID. */
  podsOf(location: ObjectLocation, page: PageRequest): Promise<Page<PodRecord>>;
  /** Objects that are no archives, with their reasons, newest first by `at`. */
  rejected(page: PageRequest): Promise<Page<ArchiveRecord>>;
  pods(query: PodQuery, page: PageRequest): Promise<Page<PodRecord>>;
  /** @throws PodfreightError `conflict` when the id is recorded with another object */
  recordBundle(bundle: BundleRecord): Promise<void>;
  bundle(bundleId: string): Promise<BundleRecord | undefined>;
  /** Newest first. */
  bundles(page: PageRequest): Promise<Page<BundleRecord>>;
}
