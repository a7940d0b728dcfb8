import { createHash } from 'node:crypto';
import { openArchive } from './archive/reader.ts';
import { isPodfreightError } from './errors.ts';
import { archiveKey, type Origin, podsName } from './keys.ts';
import { openIfThere } from './open-if-there.ts';
import type { ArchiveStore, ByteSource, ObjectLocation, ObjectSource } from './ports.ts';
import type { Shipment, Watch } from './shipment.ts';
import { trailerHint } from './trailer-hint.ts';

export interface PushResult {
  readonly location: ObjectLocation;
  readonly sandboxIds: readonly string[];
  /** Of the object. */
  readonly sizeBytes: number;
  /** Of the pods' files. */
  readonly contentBytes: number;
  /** False: the same bytes were there already, and nothing was sent. */
  readonly stored: boolean;
}

export interface PushOptions extends Watch {
  readonly store: ArchiveStore;
  readonly bucket: string;
  readonly origin: Origin;
}

/**
 * Stores one archive under its origin's prefix, unless the same pods with the same manifest are there already. A key that
 * other bytes hold is left alone: the archive then goes beside it, with a digest behind the time.
 * @throws PodfreightError `source-changed` when a file changes while it is read, and as {@link ArchiveStore}
 */
export async function push(shipment: Shipment, options: PushOptions): Promise<PushResult> {
  const { sandboxIds, contentBytes } = shipment;
  const first = locationOf(shipment, options);
  const stored = await storeUnlessTaken(shipment, first, options);
  if (stored.stored) return { sandboxIds, contentBytes, ...stored };

  const digests = await shipment.digests(options);
  if (await holds(stored.there, digests)) return { sandboxIds, contentBytes, ...present(first, stored.there) };

  const second = locationOf(shipment, options, sha256(JSON.stringify([...digests].sort())).slice(0, 8));
  const beside = await storeUnlessTaken(shipment, second, options);
  return { sandboxIds, contentBytes, ...(beside.stored ? beside : present(second, beside.there)) };
}

type Outcome =
  | { readonly stored: true; readonly location: ObjectLocation; readonly sizeBytes: number }
  | { readonly stored: false; readonly there: ObjectSource };

/** How often another push of the same key may get in the way. */
const ROUNDS = 3;

async function storeUnlessTaken(
  shipment: Shipment,
  location: ObjectLocation,
  options: PushOptions,
  round = 1,
): Promise<Outcome> {
  const there = await openIfThere(options.store, location);
  if (there !== undefined) return { stored: false, there };
  try {
    const { cluster, node } = options.origin;
    const { sizeBytes } = await options.store.put(location, shipment.body(options), {
      sizeBoundBytes: shipment.sizeBoundBytes,
      ...(options.signal && { signal: options.signal }),
      metadata: { 'podfreight-cluster': cluster, 'podfreight-node': node, ...trailerHint(shipment) },
    });
    return { stored: true, location, sizeBytes };
  } catch (error) {
    if (isPodfreightError(error, 'busy') && round < ROUNDS) {
      return await storeUnlessTaken(shipment, location, options, round + 1);
    }
    if (!isPodfreightError(error, 'conflict')) throw error;
    return { stored: false, there: await options.store.open(location) }; // somebody else was faster
  }
}

function locationOf(shipment: Shipment, { bucket, origin }: PushOptions, digest?: string): ObjectLocation {
  const pods = podsName(shipment.sandboxIds, sha256);
  const { checkpointedAt, format } = shipment;
  const key = archiveKey({ ...origin, pods, checkpointedAt, format, ...(digest === undefined ? {} : { digest }) });
  return { bucket, key };
}

function present(location: ObjectLocation, there: ByteSource) {
  return { location, sizeBytes: there.sizeBytes, stored: false };
}

/** Whether the object is an archive of exactly these members' bytes. One without an index cannot tell. */
async function holds(source: ByteSource, digests: ReadonlyMap<string, string>): Promise<boolean> {
  try {
    const { index } = await openArchive(source);
    return (
      index?.members.length === digests.size && index.members.every(({ name, sha256 }) => digests.get(name) === sha256)
    );
  } catch (error) {
    if (isPodfreightError(error, 'invalid-archive', 'invalid-manifest', 'unsupported')) return false;
    throw error;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
