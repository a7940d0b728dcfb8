import type { PodRecord } from '../catalogue/records.ts';
import { type RemovalContext, removeArchives } from '../custody/remove-archives.ts';
import { isPodfreightError, type PodfreightError } from '../errors.ts';
import { openIfThere } from '../open-if-there.ts';
import type { Catalogue, Custodies, ObjectLocation } from '../ports.ts';
import { type Checkpoint, checkpointOf, type PrunedArchive, type PruningPlan, planPruning } from './plan-pruning.ts';
import type { RetentionPolicy } from './policy.ts';

const PAGE_ITEMS = 1000;

export interface PruneRequest {
  readonly policy: RetentionPolicy;
  readonly clusters: readonly string[];
  /** Only archives in this bucket go; checkpoints in others count all the same. */
  readonly bucket?: string;
  readonly dryRun: boolean;
  readonly by: string;
}

/** An archive that would have gone, and why it has not. */
export interface SparedArchive extends PrunedArchive {
  readonly because: string;
}

export interface PruneAnswer {
  readonly dryRun: boolean;
  /** With `dryRun`, what would be. */
  readonly removed: readonly PrunedArchive[];
  readonly held: readonly PrunedArchive[];
  /** The next run looks at them again. */
  readonly spared: readonly SparedArchive[];
  /** False when the time was used up before all of it was removed; the next run goes on. */
  readonly finished: boolean;
}

export interface PruneContext extends RemovalContext {
  readonly remainingMs?: () => number;
  readonly onRemoved?: (archive: PrunedArchive) => void;
}

/** For what one removal takes at worst, with its retries. */
const RESERVE_MS = 60_000;

/**
 * Removes what a policy lets go. Before anything of a pod goes, its newest checkpoints are looked at in S3: where the
 * catalogue is wrong about them, the pod is left alone. What is held stays, also when the hold comes at this moment.
 * Takes the memory of some 500 bytes for each checkpoint of a cluster.
 * @throws PodfreightError as the ports
 */
export async function prune(request: PruneRequest, context: PruneContext): Promise<PruneAnswer> {
  const held = await heldArchives(context.custodies);
  const answers = { removed: [] as PrunedArchive[], held: [] as PrunedArchive[], spared: [] as SparedArchive[] };
  let finished = true;
  for (const cluster of request.clusters) {
    const checkpoints = await checkpointsOf(cluster, context.catalogue);
    const whole = planPruning(checkpoints, held, request.policy, context.now());
    const plan = { ...whole, remove: whole.remove.filter(({ archive }) => isIn(request.bucket, archive)) };
    answers.held.push(...plan.held);
    const missing = await missingPods(plan, context);
    for (const archive of plan.remove) {
      if ((context.remainingMs?.() ?? Number.POSITIVE_INFINITY) < RESERVE_MS) {
        finished = false;
        break;
      }
      const because = archive.checkpoints.some(({ pod }) => missing.has(pod))
        ? 'the newest checkpoint of its pod is not where the catalogue says'
        : await removed(archive, request, context);
      if (because === undefined) answers.removed.push(archive);
      else answers.spared.push({ ...archive, because });
    }
  }
  return { dryRun: request.dryRun, ...answers, finished };
}

/** @returns why it has not been removed */
async function removed(
  archive: PrunedArchive,
  request: PruneRequest,
  context: PruneContext,
): Promise<string | undefined> {
  const location = locationOf(archive.archive);
  if (await holdsOthers(location, archive, context.catalogue)) return 'it has changed since it was listed';
  if (request.dryRun) return undefined;
  try {
    await removeArchives([{ location, by: request.by, reason: archive.reason }], context);
  } catch (error) {
    if (!isPodfreightError(error, 'held', 'busy', 'not-found', 'source-changed')) throw error;
    return (error as PodfreightError).message;
  }
  context.onRemoved?.(archive);
  return undefined;
}

/** The listing may lag behind: what the archive holds at this moment decides. */
async function holdsOthers(
  location: ObjectLocation,
  { checkpoints }: PrunedArchive,
  catalogue: Catalogue,
): Promise<boolean> {
  const planned = new Set(checkpoints.map((checkpoint) => JSON.stringify(checkpoint)));
  let cursor: string | undefined;
  do {
    const page = await catalogue.podsOf(location, { limit: PAGE_ITEMS, ...(cursor !== undefined && { cursor }) });
    if (page.items.some((record) => !planned.has(JSON.stringify(checkpointOf(record))))) return true;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return false;
}

/** Pods whose newest checkpoints, on which the plan relies, are not in S3. */
async function missingPods({ relied }: PruningPlan, { store, catalogue }: PruneContext): Promise<ReadonlySet<string>> {
  const missing = new Set<string>();
  const seen = new Map<string, boolean>();
  for (const [pod, checkpoints] of relied) {
    for (const { archive } of checkpoints) {
      const isThere = seen.get(archive) ?? (await isAsCatalogued(locationOf(archive), { store, catalogue }));
      seen.set(archive, isThere);
      if (!isThere) missing.add(pod);
    }
  }
  return missing;
}

async function isAsCatalogued(
  location: ObjectLocation,
  { store, catalogue }: Pick<PruneContext, 'store' | 'catalogue'>,
): Promise<boolean> {
  const [archive, source] = await Promise.all([catalogue.archive(location), openIfThere(store, location)]);
  await source?.close();
  return source !== undefined && archive?.state === 'ready' && archive.etag === source.etag;
}

async function checkpointsOf(cluster: string, catalogue: Catalogue): Promise<Checkpoint[]> {
  return (await all<PodRecord>((page) => catalogue.pods({ by: 'cluster', cluster }, page))).map(checkpointOf);
}

async function heldArchives(custodies: Custodies): Promise<ReadonlySet<string>> {
  const held = await all((page) => custodies.held(page));
  return new Set(held.map(({ location }) => `s3://${location.bucket}/${location.key}`));
}

async function all<T>(
  turn: (page: { limit: number; cursor?: string }) => Promise<{ items: readonly T[]; cursor?: string }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await turn({ limit: PAGE_ITEMS, ...(cursor !== undefined && { cursor }) });
    for (const item of page.items) items.push(item);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return items;
}

function locationOf(url: string): ObjectLocation {
  const [bucket = '', ...key] = url.slice('s3://'.length).split('/');
  return { bucket, key: key.join('/') };
}

function isIn(bucket: string | undefined, archive: string): boolean {
  return bucket === undefined || archive.startsWith(`s3://${bucket}/`);
}
