import type { ArchiveFormat } from '../archive/format.ts';
import type { Origin } from '../keys.ts';
import type { ObjectLocation } from '../ports.ts';

/** One object of the archives bucket as the catalogue knows it. */
export interface ArchiveRecord {
  readonly location: ObjectLocation;
  readonly state: 'ready' | 'rejected' | 'deleted';
  /** Why it was rejected: one sentence. */
  readonly reason?: string;
  readonly etag?: string;
  readonly sizeBytes?: number;
  readonly format?: ArchiveFormat;
  /** False when the archive came from elsewhere: a bundle of it moves bytes through the function. */
  readonly indexed?: boolean;
  readonly origin?: Origin;
  readonly podCount?: number;
  /** S3's event order for this key, hexadecimal; compare with `compareSequencers`. */
  readonly sequencer: string;
  /** When S3 had the object, or lost it: ISO 8601 UTC. */
  readonly at: string;
}

export interface ContainerRecord {
  readonly name: string;
  readonly id: string;
  readonly image: string;
}

/** One checkpoint of a pod in one archive. */
export interface PodRecord {
  readonly sandboxId: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly origin: Origin;
  readonly containers: readonly ContainerRecord[];
  /** The member's modification time: ISO 8601 UTC in whole seconds. */
  readonly checkpointedAt: string;
  /** When S3 got the archive: ISO 8601 UTC in whole seconds; decides what is newer among equal `checkpointedAt`. */
  readonly storedAt: string;
  /** Of `<SandboxID>.tar`; unknown for a compressed archive without an index. */
  readonly sizeBytes?: number;
  readonly sha256?: string;
  readonly archive: ObjectLocation & { readonly etag: string };
}

export interface BundleRecord {
  readonly bundleId: string;
  readonly location: ObjectLocation;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly format: ArchiveFormat;
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  readonly podCount: number;
  /** By namespace and name, and of very many only the first: the bundle's manifest names all. */
  readonly pods: readonly BundledPod[];
}

export type BundledPod = Pick<
  PodRecord,
  'sandboxId' | 'name' | 'namespace' | 'checkpointedAt' | 'sizeBytes' | 'origin'
>;

/** Which checkpoints of pods: exactly one way in, each answered by one query. */
export type PodQuery =
  | { readonly by: 'pod'; readonly cluster: string; readonly namespace: string; readonly name: string }
  | { readonly by: 'namespace'; readonly cluster: string; readonly namespace: string }
  | { readonly by: 'node'; readonly cluster: string; readonly node: string }
  | { readonly by: 'image'; readonly image: string }
  | { readonly by: 'sandbox'; readonly sandboxId: string }
  | { readonly by: 'cluster'; readonly cluster: string };

/** Newest first. `since` and `until` are ISO 8601 UTC, both inclusive, on `checkpointedAt`. */
export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string;
  readonly since?: string;
  readonly until?: string;
}

/** `cursor` is there when more may follow; a page may hold fewer than `limit`, even none, and still have one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}
