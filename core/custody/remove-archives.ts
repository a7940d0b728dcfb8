import { inOrder } from '../archive/in-order.ts';
import { wholeSeconds } from '../catalogue/instant.ts';
import type { ArchiveRecord, BundledPod } from '../catalogue/records.ts';
import { isPodfreightError, PodfreightError } from '../errors.ts';
import type { ArchiveKeeper, Custodies, ObjectLocation } from '../ports.ts';
import { type HealContext, lookAgain } from '../reconcile/heal.ts';
import { type Custody, type Deed, REMOVAL_MS, type Removal } from './custody.ts';

const LOOKS_AT_ONCE = 16;
/** In a removal's record; some 200 bytes each. */
const RECORDED_PODS_MAX = 100;

export interface RemovalContext extends HealContext {
  readonly custodies: Custodies;
  readonly keeper: ArchiveKeeper;
  /** Aborted, nothing more is removed; a removal that was begun is ended. */
  readonly signal?: AbortSignal;
}

export interface RemovalOrder extends Pick<Deed, 'by' | 'reason'> {
  readonly location: ObjectLocation;
}

export interface RemovedArchive {
  readonly location: ObjectLocation;
  readonly removal: Removal;
}

/** An archive that can be removed, with what is known of it. */
interface Candidate {
  readonly order: RemovalOrder;
  readonly archive: ArchiveRecord;
  readonly custody: Custody | undefined;
}

/**
 * Removes archives: all of them are looked up first, and none is removed when one cannot be. Then, one after the other, the
 * removal is written down, the object deleted, and its tombstone and the end of the removal recorded. Interrupted anywhere,
 * the same again ends the same.
 * @param force also what is held; its hold goes
 * @throws PodfreightError `held`, `not-found`, `busy` when others decide about one at this moment, `source-changed`, and
 *   the signal's reason
 */
export async function removeArchives(
  orders: readonly RemovalOrder[],
  context: RemovalContext,
  { force = false, onRemoved = (_: RemovedArchive) => {} } = {},
): Promise<RemovedArchive[]> {
  const candidates = await removable(orders, context, force);
  const removed: RemovedArchive[] = [];
  for (const candidate of candidates) {
    context.signal?.throwIfAborted();
    const one = await remove(candidate, context, force);
    removed.push(one);
    onRemoved(one);
  }
  return removed;
}

/** @throws PodfreightError as {@link removeArchives}; nothing is changed */
export async function removable(
  orders: readonly RemovalOrder[],
  { catalogue, custodies }: Pick<RemovalContext, 'catalogue' | 'custodies'>,
  force: boolean,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  const looked = inOrder(orders, LOOKS_AT_ONCE, async (order) => {
    const [archive, custody] = await Promise.all([catalogue.archive(order.location), custodies.of(order.location)]);
    return { order, archive, custody };
  });
  for await (const { order, archive, custody } of looked) {
    const isInterrupted = custody?.removal?.state === 'begun';
    if (archive === undefined || (archive.state === 'deleted' && !isInterrupted)) throw unknown(order.location);
    candidates.push({ order, archive, custody });
  }
  const held = candidates.filter(({ custody }) => custody?.hold !== undefined);
  if (held.length > 0 && !force) throw heldError(held.map(({ custody }) => custody!));
  return candidates;
}

async function remove(
  { order: { location, ...deed }, archive, custody }: Candidate,
  context: RemovalContext,
  force: boolean,
): Promise<RemovedArchive> {
  const { custodies, keeper } = context;
  const { bucket, key } = location;
  const isGone = archive.state === 'deleted';
  const begun = isGone ? custody!.removal! : await removalOf(archive, deed, context);
  const noted: Custody = { location: { bucket, key }, removal: begun, revision: (custody?.revision ?? 0) + 1 };
  if (!(await custodies.replace(custody, noted))) throw await overtaken(location, custodies, force);
  // What is left of a removal that was interrupted behind the deletion is its end.
  if (!isGone) {
    if (custody?.hold !== undefined) await keeper.lock(archive.location, false);
    // Whoever wants to hold it waits that long; a process that was asleep meanwhile is too late.
    if (context.now().getTime() - Date.parse(begun.at) > REMOVAL_MS / 2) throw busy(location);
    try {
      await keeper.remove({ bucket, key }, begun.etag);
    } catch (error) {
      if (isPodfreightError(error, 'source-changed')) await holdAgain(custody, noted, archive.location, context);
      throw error;
    }
  }
  await lookAgain(archive.location, context);
  const removal: Removal = { ...begun, state: 'done' };
  await custodies.replace(noted, { ...noted, removal, revision: noted.revision + 1 });
  return { location: { bucket, key }, removal };
}

/** What was not deleted is held as before; its removal did not happen. */
async function holdAgain(
  before: Custody | undefined,
  noted: Custody,
  location: ObjectLocation,
  { custodies, keeper }: RemovalContext,
): Promise<void> {
  if (before?.hold === undefined) return;
  await keeper.lock(location, true);
  await custodies.replace(noted, { ...before, revision: noted.revision + 1 });
}

async function removalOf(
  archive: ArchiveRecord,
  deed: Pick<Deed, 'by' | 'reason'>,
  { catalogue, now }: RemovalContext,
): Promise<Removal> {
  const { items } = await catalogue.podsOf(archive.location, { limit: RECORDED_PODS_MAX });
  const pods = items.map(
    ({ sandboxId, name, namespace, checkpointedAt, sizeBytes, origin }): BundledPod => ({
      ...{ sandboxId, name, namespace, checkpointedAt, origin },
      ...(sizeBytes !== undefined && { sizeBytes }),
    }),
  );
  const { etag = '', sizeBytes = 0, podCount = 0 } = archive;
  return { ...deed, at: wholeSeconds(now()), state: 'begun', etag, sizeBytes, podCount, pods };
}

async function overtaken(location: ObjectLocation, custodies: Custodies, force: boolean): Promise<PodfreightError> {
  const custody = await custodies.of(location);
  if (custody?.hold !== undefined && !force) return heldError([custody]);
  return busy(location);
}

export function busy(location: ObjectLocation): PodfreightError {
  const name = nameOf(location);
  return new PodfreightError('busy', `${name} is being removed or held by somebody else just now; try again.`, {
    subject: { archive: name },
  });
}

export function unknown(location: ObjectLocation): PodfreightError {
  const name = nameOf(location);
  return new PodfreightError(
    'not-found',
    `The catalogue has no archive ${name}; "podfreight list" shows what it has.`,
    {
      subject: { archive: name },
    },
  );
}

function heldError(held: readonly Custody[]): PodfreightError {
  const names = held.map(({ location }) => nameOf(location));
  const [{ by, reason, at }] = held.map(({ hold }) => hold!) as [Deed];
  const others = held.length > 1 ? ` (and ${held.length - 1} more)` : '';
  return new PodfreightError(
    'held',
    `${names[0]}${others} is held by ${by} since ${at}: ${reason}. Nothing more was removed; "podfreight unhold" lifts a hold, --force ignores it.`,
    { subject: { archives: names } },
  );
}

export function nameOf({ bucket, key }: ObjectLocation): string {
  return `s3://${bucket}/${key}`;
}
