import { inOrder } from '../archive/in-order.ts';
import type { ArchiveRecord } from '../catalogue/records.ts';
import { openIfThere } from '../open-if-there.ts';
import type { ArchiveKeeper, ArchiveStore, Catalogue, Custodies, ObjectLocation } from '../ports.ts';
import { type Custody, type Deed, isUnderWay } from './custody.ts';
import { busy, unknown } from './remove-archives.ts';

export interface HoldContext {
  readonly catalogue: Catalogue;
  readonly custodies: Custodies;
  readonly keeper: ArchiveKeeper;
  readonly store: ArchiveStore;
  readonly now: () => Date;
}

export interface HeldArchive {
  readonly location: ObjectLocation;
  readonly hold: Deed;
  /** False when it was held before, by whom and why `hold` says. */
  readonly isNew: boolean;
  /** Whether S3 itself refuses to delete it, too. */
  readonly isLocked: boolean;
}

const LOOKS_AT_ONCE = 16;

/**
 * Keeps archives from being removed, until {@link unholdArchives}. All of them are looked up first, and none is held when one
 * is not there. When it returns they are held and there; a removal that had begun before either ended before or never happens.
 * @throws PodfreightError `not-found`, `busy` when one is being removed just now, and as the ports
 */
export async function holdArchives(
  locations: readonly ObjectLocation[],
  deed: Deed,
  context: HoldContext,
): Promise<HeldArchive[]> {
  const known = await knownArchives(locations, context);
  const held: HeldArchive[] = [];
  for (const one of known) held.push(await hold(one, deed, context));
  return held;
}

async function hold(
  { archive, custody }: KnownArchive,
  deed: Deed,
  { custodies, keeper, store }: HoldContext,
): Promise<HeldArchive> {
  const { bucket, key } = archive.location;
  const location = { bucket, key };
  const isNew = custody?.hold === undefined;
  // What was removed under this key before stays on record.
  const held: Custody = { ...custody, location, hold: custody?.hold ?? deed, revision: (custody?.revision ?? 0) + 1 };
  if (isNew && !(await custodies.replace(custody, held))) throw busy(location);
  const source = await openIfThere(store, location);
  await source?.close();
  if (source === undefined) {
    if (isNew) await custodies.replace(held, unheld(held));
    throw unknown(location);
  }
  const isLocked = await keeper.lock(source.location, true);
  return { location, hold: held.hold!, isNew, isLocked };
}

/**
 * Lifts holds; archives without one stay as they are. All are looked up first.
 * @returns those that were held
 * @throws PodfreightError as {@link holdArchives}
 */
export async function unholdArchives(
  locations: readonly ObjectLocation[],
  context: HoldContext,
): Promise<{ readonly location: ObjectLocation; readonly hold: Deed }[]> {
  const lifted = [];
  for (const { archive, custody } of await knownArchives(locations, context)) {
    const { bucket, key } = archive.location;
    const location = { bucket, key };
    if (custody?.hold === undefined) continue;
    // S3's lock first: without our hold, nothing would say that there is one.
    if (archive.state !== 'deleted') await context.keeper.lock(archive.location, false);
    const { removal, ...free } = unheld(custody);
    // One that the hold took over from is never ended.
    const after = { ...free, ...(removal?.state === 'done' && { removal }) };
    if (!(await context.custodies.replace(custody, after))) throw busy(location);
    lifted.push({ location, hold: custody.hold });
  }
  return lifted;
}

function unheld({ hold: _, ...custody }: Custody): Custody {
  return { ...custody, revision: custody.revision + 1 };
}

interface KnownArchive {
  readonly archive: ArchiveRecord;
  readonly custody: Custody | undefined;
}

async function knownArchives(
  locations: readonly ObjectLocation[],
  { catalogue, custodies, now }: HoldContext,
): Promise<KnownArchive[]> {
  const known: KnownArchive[] = [];
  const looked = inOrder(locations, LOOKS_AT_ONCE, async (location) => {
    const [archive, custody] = await Promise.all([catalogue.archive(location), custodies.of(location)]);
    return { location, archive, custody };
  });
  for await (const { location, archive, custody } of looked) {
    if (custody !== undefined && isUnderWay(custody, now())) throw busy(location);
    const isThere = archive !== undefined && archive.state !== 'deleted';
    if (archive === undefined || (!isThere && custody?.hold === undefined)) throw unknown(location);
    known.push({ archive, custody });
  }
  return known;
}
