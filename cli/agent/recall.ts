import { openArchive } from '../../core/archive/reader.ts';
import { containerRecords } from '../../core/checkpoint/container-records.ts';
import { isPodfreightError } from '../../core/errors.ts';
import type { Origin } from '../../core/keys.ts';
import { openIfThere } from '../../core/open-if-there.ts';
import type { ArchiveStore, Catalogue, ObjectLocation } from '../../core/ports.ts';

/** A container archive in an archive of this node in S3. */
export interface Recalled {
  readonly fileName: string;
  readonly sha256: string;
  readonly location: ObjectLocation;
  /** Of the object. */
  readonly objectBytes: number;
}

const PAGE_ITEMS = 100;

/**
 * Which container archives of a pod this node has shipped before: for an agent that has lost its notes, since archives that
 * went one by one may now be found together, and would get another key together.
 * @throws PodfreightError as {@link Catalogue} and {@link ArchiveStore}
 */
export async function recall(
  sandboxId: string,
  from: {
    readonly catalogue: Catalogue;
    readonly store: ArchiveStore;
    readonly bucket: string;
    readonly origin: Origin;
  },
  signal?: AbortSignal,
): Promise<Recalled[]> {
  const { catalogue, store, bucket, origin } = from;
  const recalled: Recalled[] = [];
  let cursor: string | undefined;
  do {
    signal?.throwIfAborted();
    const page = await catalogue.pods({ by: 'sandbox', sandboxId }, { limit: PAGE_ITEMS, ...(cursor && { cursor }) });
    for (const { archive, origin: its } of page.items) {
      if (archive.bucket !== bucket || its.cluster !== origin.cluster || its.node !== origin.node) continue;
      recalled.push(...(await archivesIn(store, { bucket, key: archive.key }, sandboxId)));
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return recalled;
}

async function archivesIn(store: ArchiveStore, location: ObjectLocation, sandboxId: string): Promise<Recalled[]> {
  const source = await openIfThere(store, location);
  if (source === undefined) return [];
  try {
    const { manifest } = await (await openArchive(source)).manifest();
    const pod = manifest.pods?.find((one) => one.sandboxId === sandboxId);
    const records = (pod && containerRecords(pod)) ?? [];
    return records.map(({ file, sha256 }) => ({ fileName: file, sha256, location, objectBytes: source.sizeBytes }));
  } catch (error) {
    if (isPodfreightError(error, 'invalid-archive', 'invalid-manifest', 'corrupt-archive', 'unsupported')) return [];
    throw error;
  } finally {
    await source.close();
  }
}
