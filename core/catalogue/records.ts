import type { ArchiveFormat } from '../archive/format.ts';
import type { Origin } from '../keys.ts';
import type { ObjectLocation } from '../ports.ts';

/** One object of the archives bucket as the catalogue knows it. */
export interface ArchiveRecord {
  readonly location: ObjectLocation;
  readonly state: 'ready' | 'rejected' | 'deleted';
  /** Why it was rejected, or how it is known to be gone: one sentence. */
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

/**
 * One container of a pod: what the manifest says of every one, and what it says of those that came as an archive each
 * (docs/format.md, "Several containers as one pod"). Of these, what the engine did not record is absent.
 */
export interface ContainerRecord extends Partial<ContainerArchiveRecord> {
  readonly name: string;
  readonly id: string;
  readonly image: string;
}

/** A container's own archive in `<SandboxID>.tar`. */
export interface ContainerArchiveRecord {
  readonly imageDigest: string;
  /** `cri-o`, `containerd` or `podman`. */
  readonly engine: string;
  readonly runtime: string;
  /** The container's own times: ISO 8601 UTC. */
  readonly createdAt: string;
  readonly checkpointedAt: string;
  readonly restoredAt: string;
  /** Its name in the kubelet's directory. */
  readonly file: string;
  /** `tar`, `tar+zstd`, `tar+gzip`. */
  readonly format: string;
  readonly sizeBytes: number;
  /** Of CRIU's images, and of the changes to the root file system, in it. */
  readonly checkpointBytes: number;
  readonly rootfsDiffBytes: number;
  readonly sha256: string;
}

/** One checkpoint of a pod in one archive. */
export interface PodRecord {
  readonly sandboxId: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly origin: Origin;
  readonly containers: readonly ContainerRecord[];
  /** The member's modification time, or `storedAt` where that is not to be believed: ISO 8601 UTC in whole seconds. */
  readonly checkpointedAt: string;
  /** The member's modification time, where it is later than S3 had the archive. It orders nothing. */
  readonly claimedAt?: string;
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
  readonly pods: readonly RecordedPod[];
}

export type BundledPod = Pick<
  PodRecord,
  'sandboxId' | 'name' | 'namespace' | 'checkpointedAt' | 'sizeBytes' | 'origin'
>;

/** Without an origin where the record was made from the bundle, and nothing tells it any more. */
export type RecordedPod = Omit<BundledPod, 'origin'> & Partial<Pick<BundledPod, 'origin'>>;

/** Which checkpoints of pods: exactly one way in, each answered by one query. */
export type PodQuery =
  | { readonly by: 'pod'; readonly cluster: string; readonly namespace: string; readonly name: string }
  | { readonly by: 'sandbox'; readonly sandboxId: string }
  | PodScope
  | ContainerQuery;

/** A cluster, or a part of it. */
export type PodScope =
  | { readonly by: 'namespace'; readonly cluster: string; readonly namespace: string }
  | { readonly by: 'node'; readonly cluster: string; readonly node: string }
  | { readonly by: 'cluster'; readonly cluster: string };

/**
 * By what is known of a container. A pod is found once for each of its containers that fits, and then `containers` has that
 * one alone. Without `within`: in all clusters.
 */
export type ContainerQuery =
  | { readonly by: 'container'; readonly fact: 'image' | 'digest'; readonly value: string; readonly within?: PodScope }
  | { readonly by: 'container'; readonly fact: ContainerFact; readonly value: string; readonly within: PodScope };

/** `image` is the reference as the manifest has it, `digest` that of the image's own manifest, as in `sha256:…`. */
export type ContainerFact = 'image' | 'digest' | 'engine' | 'runtime';

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
