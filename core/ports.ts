/** The doors through which core reaches the world. Each docstring is the contract; every implementation passes one suite. */
import type { PartPlan } from './bundle/plan.ts';
import type { ArchiveRecord, BundleRecord, Page, PageRequest, PodQuery, PodRecord } from './catalogue/records.ts';
import type { SweepPosition } from './catalogue/sweep.ts';
import type { Custody } from './custody/custody.ts';
import type { ByteRange } from './range.ts';
import type { ReconcileRun } from './reconcile/run.ts';

/** How a source wants to be read when many of its bytes are. A reader holds no more of them than that. */
export interface ReadPace {
  /** Bytes of one read, where the reader may choose: enough that a request's latency is small beside it. */
  readonly readBytes: number;
  /**
   * Bytes asked for at once, all reads together: enough to keep every connection busy. At least `readBytes`; may change as
   * the line is better known.
   */
  readonly windowBytes: number;
}

/** A file's: the kernel reads ahead by itself, and memory that was just read is still in the processor's cache. */
export const LOCAL_PACE: ReadPace = { readBytes: 2 * 1024 * 1024, windowBytes: 6 * 1024 * 1024 };

/**
 * One immutable run of bytes: a local file held open, or one version of an S3 object. All reads are of the same version:
 * when that is gone or replaced they throw `source-changed`, and never mix.
 */
export interface ByteSource {
  /** As a user would write it: a path, or `s3://bucket/key`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Absent: {@link LOCAL_PACE}. */
  readonly pace?: ReadPace;
  /**
   * All bytes of `range`, never fewer. `range` lies within `[0, sizeBytes]`; an empty one needs no request.
   * Transient failures are retried inside. Several reads may be under way at once.
   * @param into memory at least as long as `range`, which saves the source from finding some: it may be filled, and then
   *   the bytes given back are its beginning. Nothing is written to it any more once the promise has settled.
   * @throws PodfreightError `source-changed`, `access-denied`, `unreachable`, `service`, `io`
   */
  read(range: ByteRange, into?: Buffer): Promise<Buffer>;
  /** The same bytes in order as chunks of any size; memory stays bounded, leaving early releases what was held. */
  stream(range: ByteRange): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

export interface ObjectLocation {
  readonly bucket: string;
  readonly key: string;
  /** Absent: the newest. */
  readonly versionId?: string;
  /** Where the bucket is. Absent: as the bucket's name says, where one knows it; see `regionOf`. */
  readonly region?: string;
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
  /** Bytes stored since the last call; those that an earlier call left count as well. */
  readonly onProgress?: (bytes: number) => void;
  /** Aborting ends in `interrupted`, unless the object was complete already. */
  readonly signal?: AbortSignal;
}

export interface ComposeOptions extends Pick<PutOptions, 'metadata' | 'signal'> {
  /** Bytes in parts that S3 has since the last call; those that an earlier call left count as well. */
  readonly onProgress?: (bytes: number) => void;
  /**
   * Aborting begins no further part, and unless all were begun ends in `interrupted` when those under way are there: they
   * are kept, and composing the same again goes on from them.
   */
  readonly pause?: AbortSignal;
}

export interface OpenOptions {
  /** Bring so many of the last bytes as well, which costs no request more: the first read among them then needs none. */
  readonly tailBytes?: number;
}

export interface ArchiveStore {
  /**
   * Opens one version for reading: one request, after which all reads are pinned to its ETag. It is looked for where
   * `location` says that it is, and the source's location says the same.
   * @throws PodfreightError `not-found` (bucket or key, and which), `access-denied`, `no-credentials`, `unreachable`, `service`
   */
  open(location: ObjectLocation, options?: OpenOptions): Promise<ObjectSource>;

  /**
   * Stores `body` as a new object: complete, or not at all. Never overwrites. S3 checks the full-object CRC-32. Each chunk
   * of `body` is used up before the next is asked for. What a put that was cut off, by the line, the service or its signal,
   * had sent is kept: the next put of that key sends no part again that is there with the same bytes. A failure of `body`,
   * or a key that is taken, leaves nothing.
   * @throws PodfreightError `conflict` when the key is taken, `busy` when another put of the same key got in its way and
   *   the whole body is needed once more, and as `open`; an error of `body` is passed on as it is
   */
  put(location: ObjectLocation, body: AsyncIterable<Buffer>, options: PutOptions): Promise<StoredObject>;

  /**
   * Stores an object made of literal bytes and of ranges of other objects, which S3 copies: same promises as `put`.
   * Range sources are pinned to their ETags, and may lie in other regions. What an unfinished call for this key has left is used when it fits the plan,
   * and removed otherwise; so one key must always stand for the same bytes.
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

/** Which objects there are. Apart from {@link ArchiveStore}, since only whoever has lost his notes has to ask. */
export interface ArchiveKeys {
  /**
   * Keys that begin with `prefix`, in the order of their UTF-8 bytes; every put that ended before the call is among them.
   * @throws PodfreightError as {@link ArchiveStore.open}
   */
  keysBelow(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<string>;
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
  /** Objects that are gone, newest first by `at`. */
  deleted(page: PageRequest): Promise<Page<ArchiveRecord>>;
  pods(query: PodQuery, page: PageRequest): Promise<Page<PodRecord>>;
  /** @throws PodfreightError `conflict` when the id is recorded with another object in the same region */
  recordBundle(bundle: BundleRecord): Promise<void>;
  /** As it lies in that region; the same bundle may lie in several. */
  bundle(bundleId: string, region?: string): Promise<BundleRecord | undefined>;
  /** Newest first; each once for every region that it lies in. */
  bundles(page: PageRequest): Promise<Page<BundleRecord>>;
}

/** The newest version of one key, which may be a delete marker: then the key has no object. */
export interface ListedObject {
  readonly key: string;
  /** Absent in a bucket without versions. */
  readonly versionId?: string;
  /** With its quotes; absent of a delete marker. */
  readonly etag?: string;
  readonly modifiedAt: Date;
  readonly isDeleted: boolean;
}

/** Of something in the order of its key's UTF-8 bytes. Goes on behind the key `next` when there may be more. */
export interface KeyPage<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface BucketListing {
  /**
   * Each key once, strongly consistent.
   * @param after a key, itself left out
   * @throws PodfreightError `not-found` (the bucket), `access-denied`, `no-credentials`, `unreachable`, `service`
   */
  newest(bucket: string, after?: string): Promise<KeyPage<ListedObject>>;
}

/** The catalogue as a whole, as whoever compares it with the buckets needs it. Pages may lag behind writes. */
export interface CatalogueSurvey {
  /** Archives that are not deleted, by key; but none with a key of nearly S3's 1,024 bytes, which {@link sweep} finds. */
  archives(bucket: string, after?: string): Promise<KeyPage<ArchiveRecord>>;
  /** By id, which `after` and `next` are. */
  bundles(bucket: string, after?: string): Promise<KeyPage<BundleRecord>>;
  /**
   * A page of the whole table: objects of which the table holds something that does not belong together, as the pods of an
   * event that was never recorded, or that {@link archives} does not show. May name one that is just being recorded.
   */
  sweep(start?: SweepPosition): Promise<{ readonly askew: readonly ObjectLocation[]; readonly next?: SweepPosition }>;
  /** The highest that anything in the table has of this object, strongly consistent. */
  lastSequencer(location: ObjectLocation): Promise<string | undefined>;
  /** @returns false when it has been recorded anew meanwhile, and stays */
  forgetBundle(bundle: BundleRecord): Promise<boolean>;
  /** The comparison of these buckets that was saved last, strongly consistent. */
  run(archivesBucket: string): Promise<ReconcileRun | undefined>;
  saveRun(run: ReconcileRun): Promise<void>;
}

/** What was decided about archives. */
export interface Custodies {
  /** Strongly consistent. */
  of(location: ObjectLocation): Promise<Custody | undefined>;
  /**
   * Writes `after`, whose revision is another than that of `before`, where `before` still is what is there.
   * @returns false when something else has been decided meanwhile, and stays
   */
  replace(before: Custody | undefined, after: Custody): Promise<boolean>;
  /** Archives with a hold, newest hold first. */
  held(page: PageRequest): Promise<Page<Custody>>;
  /** Archives that were removed and have no hold, newest removal first. */
  removed(page: PageRequest): Promise<Page<Custody>>;
}

export interface ArchiveKeeper {
  /**
   * Deletes the object, when it still has this ETag; in a bucket with versions by a delete marker, so that it can be brought
   * back as long as the bucket keeps old versions.
   * @returns false when there is none
   * @throws PodfreightError `source-changed` when it has another ETag, and as `ArchiveStore.open`
   */
  remove(location: ObjectLocation, etag: string): Promise<boolean>;
  /**
   * Sets or lifts S3's own lock on a version, which nobody can delete then, whatever they may otherwise.
   * @returns false when the bucket has no such locks
   */
  lock(location: ObjectLocation, on: boolean): Promise<boolean>;
}
