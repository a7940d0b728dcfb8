import { openArchive } from '../../core/archive/reader.ts';
import { containerRecords } from '../../core/checkpoint/container-records.ts';
import { isPodfreightError } from '../../core/errors.ts';
import { type Origin, podPrefix } from '../../core/keys.ts';
import { openIfThere } from '../../core/open-if-there.ts';
import type { ArchiveKeys, ArchiveStore, ObjectLocation } from '../../core/ports.ts';

/** A container archive as it lies on the node: its name and the SHA-256 of its own bytes. */
export interface Wanted {
  readonly fileName: string;
  readonly digest: string;
}

/** Where S3 has one. */
export interface Recalled {
  readonly location: ObjectLocation;
  /** Of the object. */
  readonly objectBytes: number;
}

/**
 * Which of these archives of a pod this node has shipped before: for an agent that has lost its notes, since archives that
 * went one by one may now be found together, and would get another key together. S3 itself is asked, which knows at once
 * what it has, and not the catalogue, which learns it later. The newest objects are looked into first, as few as will do.
 * @throws PodfreightError as {@link ArchiveKeys} and {@link ArchiveStore}, and the signal's reason
 */
export async function recall<Found extends Wanted>(
  sandboxId: string,
  wanted: readonly Found[],
  from: {
    readonly keys: ArchiveKeys;
    readonly store: ArchiveStore;
    readonly bucket: string;
    readonly origin: Origin;
    readonly signal: AbortSignal;
  },
): Promise<ReadonlyMap<Found, Recalled>> {
  const { keys, store, bucket, origin, signal } = from;
  const recalled = new Map<Found, Recalled>();
  const oldestFirst = await Array.fromAsync(keys.keysBelow(bucket, podPrefix(origin, sandboxId), signal));
  for (const key of oldestFirst.reverse()) {
    if (recalled.size === wanted.length) break;
    signal.throwIfAborted();
    const location = { bucket, key };
    const there = await archivesIn(store, location, sandboxId);
    for (const one of wanted) {
      if (there?.digests.get(one.fileName) === one.digest)
        recalled.set(one, { location, objectBytes: there.objectBytes });
    }
  }
  return recalled;
}

/** @returns file name → SHA-256, as its manifest says; undefined when it is no archive of that pod, or gone */
async function archivesIn(store: ArchiveStore, location: ObjectLocation, sandboxId: string) {
  const source = await openIfThere(store, location);
  if (source === undefined) return undefined;
  try {
    const { manifest } = await (await openArchive(source)).manifest();
    const pod = manifest.pods?.find((one) => one.sandboxId === sandboxId);
    const records = (pod && containerRecords(pod)) ?? [];
    return { digests: new Map(records.map(({ file, sha256 }) => [file, sha256])), objectBytes: source.sizeBytes };
  } catch (error) {
    if (isPodfreightError(error, 'invalid-archive', 'invalid-manifest', 'corrupt-archive', 'unsupported'))
      return undefined;
    throw error;
  } finally {
    await source.close();
  }
}
