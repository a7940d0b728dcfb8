import { checkSamePods } from '../archive/archived-manifest.ts';
import { openArchive } from '../archive/reader.ts';
import { isPodfreightError, PodfreightError } from '../errors.ts';
import { type Origin, originOfArchiveKey } from '../keys.ts';
import { openIfThere } from '../open-if-there.ts';
import type { ArchiveStore, Catalogue, ObjectLocation, ObjectSource } from '../ports.ts';
import { withTrailer } from '../trailer-hint.ts';
import { boundedSource } from './bounded-source.ts';
import type { ObjectEvent } from './object-event.ts';
import { podRecords } from './pod-records.ts';
import type { ArchiveRecord, PodRecord } from './records.ts';

export interface Catalogued {
  readonly archive: ArchiveRecord;
  /** False when a newer event had been recorded, and this one changed nothing. */
  readonly isNewest: boolean;
}

/** Where to look. */
export interface LookContext {
  readonly store: ArchiveStore;
  /** Of the bucket, which is recorded with it. */
  readonly region?: string;
}

/** What is recorded of a look at an object: how it is ordered among the others of this object, and when it was so. */
export type Occasion = Pick<ObjectEvent, 'bucket' | 'key' | 'sequencer' | 'at'>;

/**
 * Looks at the object an event is about, at its newest version whichever the event names, and records what is there: an
 * archive with its pods, something that is none with the reason, or nothing. The same event again, late or out of order
 * ends the same. Of an archive that was pushed it
 * reads index and manifest, a range each, and of any other no more than {@link boundedSource} allows.
 * @throws PodfreightError whatever may pass by itself (`service`, `unreachable`, `access-denied`, …): deliver the event again
 */
export async function catalogueObject(
  event: ObjectEvent | Occasion,
  context: LookContext & { readonly catalogue: Catalogue },
): Promise<Catalogued> {
  const { archive, pods } = await look(event, context);
  return { archive, isNewest: await context.catalogue.record(archive, pods) };
}

interface Finding {
  readonly archive: ArchiveRecord;
  readonly pods: readonly PodRecord[];
}

async function look({ bucket, key, sequencer, at }: Occasion, { store, region }: LookContext): Promise<Finding> {
  const location: ObjectLocation = { bucket, key, ...(region !== undefined && { region }) };
  const found = await openIfThere(store, location);
  if (found === undefined) return { archive: { location, state: 'deleted', sequencer, at }, pods: [] };
  const source = boundedSource(found);
  const { etag, sizeBytes } = source;
  const known = { location: source.location, etag, sizeBytes, sequencer, at };
  try {
    const { pods, ...archive } = await readArchive(source);
    return { archive: { ...known, state: 'ready', ...archive, podCount: pods.length }, pods };
  } catch (error) {
    if (!isPodfreightError(error, 'invalid-archive', 'invalid-manifest', 'corrupt-archive', 'unsupported')) throw error;
    return { archive: { ...known, state: 'rejected', reason: error.message }, pods: [] };
  } finally {
    await source.close();
  }
}

async function readArchive(source: ObjectSource) {
  const origin = originOf(source.location);
  const archive = await openArchive(await withTrailer(source));
  const members = archive.index?.members ?? (await archive.layout());
  const { manifest } = await archive.manifest();
  const names = members?.map(({ name }) => name);
  if (names !== undefined) checkSamePods(manifest, names, archive.name);
  const pods = podRecords(manifest, members, source, origin);
  return { format: archive.format, indexed: archive.index !== undefined, origin, pods };
}

function originOf({ key }: ObjectLocation): Origin {
  const origin = originOfArchiveKey(key);
  if (origin !== undefined) return origin;
  const shape = '<cluster>/<node>/<SandboxID>/<time>.tar.zst';
  throw new PodfreightError('unsupported', `The key ${JSON.stringify(key)} is not of the form ${shape}.`, {
    subject: { key },
  });
}
