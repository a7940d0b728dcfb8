import { inOrder } from '../archive/in-order.ts';
import type { BundleRecord } from '../catalogue/records.ts';
import type { SweepPosition } from '../catalogue/sweep.ts';
import { isPodfreightError, type PodfreightError } from '../errors.ts';
import { isBundleKey } from '../keys.ts';
import { openIfThere } from '../open-if-there.ts';
import type { BucketListing, ListedObject, ObjectLocation } from '../ports.ts';
import { differenceOf } from './difference.ts';
import { differenceNow, type HealContext, lookAgain, recordBundleAgain } from './heal.ts';
import { merge, type Pair, turnPages } from './merge.ts';
import {
  addCounts,
  type Difference,
  NO_COUNTS,
  type ReconcileCounts,
  type ReconcileRun,
  type RunPosition,
} from './run.ts';

export interface ReconcileContext extends HealContext {
  readonly listing: BucketListing;
  readonly archivesBucket: string;
  readonly bundlesBucket: string;
  /** Differences younger than this are left to the events that are on their way. */
  readonly graceMs: number;
  /** Of the invocation. */
  readonly remainingMs: () => number;
  /** Told of each difference that is found, and of what kept it from being healed. */
  readonly onDifference?: (found: Difference, location: ObjectLocation, failure?: PodfreightError) => void;
}

export interface ReconcileAnswer {
  readonly run: ReconcileRun;
  /** Of this invocation. */
  readonly counts: ReconcileCounts;
}

/** Keys between two savings of the position, and looks at once: their connections and a second or two. */
const ARCHIVES = { batchKeys: 500, atOnce: 16 } as const;
/** The index of one may take as much memory as those of many archives, and its hundred pods a query each. */
const BUNDLES = { batchKeys: 50, atOnce: 4 } as const;
/** Enough for a batch in which everything differs. */
const RESERVE_MS = 45_000;

/**
 * Compares the buckets with the catalogue, both ways, and heals what differs: it goes on with the run that was saved last,
 * unless that is finished. Costs a page of the listing and one of the table for a thousand keys; only what differs is looked
 * at. Ends when all is compared or the time is used up. Killed anywhere, the next one repeats at most a batch.
 * @throws PodfreightError as the ports; what fails for one object alone is counted
 */
export async function reconcile(context: ReconcileContext): Promise<ReconcileAnswer> {
  const saved = await context.survey.run(context.archivesBucket);
  let run: ReconcileRun =
    saved !== undefined && saved.position.phase !== 'done'
      ? { ...saved, invocations: saved.invocations + 1 }
      : beginRun(context);
  let counts = NO_COUNTS;
  for await (const step of stepsFrom(run.position, context)) {
    counts = addCounts(counts, step.counts);
    run = { ...run, position: step.position, counts: addCounts(run.counts, step.counts) };
    if (step.position.phase === 'done') run = { ...run, finishedAt: context.now().toISOString() };
    await context.survey.saveRun(run);
    if (context.remainingMs() < RESERVE_MS) break;
  }
  return { run, counts };
}

function beginRun({ archivesBucket, now }: ReconcileContext): ReconcileRun {
  const startedAt = now().toISOString();
  return { archivesBucket, startedAt, invocations: 1, position: { phase: 'archives' }, counts: NO_COUNTS };
}

interface Step {
  readonly position: RunPosition;
  readonly counts: Partial<ReconcileCounts>;
}

/** The phases one after the other, each from where the position is. */
async function* stepsFrom(position: RunPosition, context: ReconcileContext): AsyncGenerator<Step> {
  let reached = position;
  if (reached.phase === 'archives') {
    yield* compareArchives(reached.after, context);
    reached = { phase: 'sweep' };
  }
  if (reached.phase === 'sweep') {
    yield* sweep(reached.sweep, context);
    reached = { phase: 'bundles' };
  }
  if (reached.phase === 'bundles') yield* compareBundles(reached.after, context);
}

function compareArchives(after: string | undefined, context: ReconcileContext): AsyncGenerator<Step> {
  const { listing, survey, archivesBucket: bucket } = context;
  const pairs = merge(
    turnPages((from) => listing.newest(bucket, from), after),
    ({ key }) => key,
    turnPages((from) => survey.archives(bucket, from), after),
    ({ location }) => location.key,
  );
  const plan = { phase: 'archives', end: { phase: 'sweep' }, ...ARCHIVES } as const;
  return inBatches(pairs, plan, async ({ key, left: object, right: archive }) => {
    if (differenceOf(object, archive) === undefined) return {};
    if (isYoung(object, context)) return { young: 1 };
    const location = { bucket, key };
    return attempt('uncatalogued', location, context, async () => {
      const found = await differenceNow(location, object, context);
      if (found !== undefined) await lookAgain(location, context);
      return found;
    });
  });
}

async function* sweep(start: SweepPosition | undefined, context: ReconcileContext): AsyncGenerator<Step> {
  let position = start;
  do {
    const { askew, next } = await context.survey.sweep(position);
    let counts = NO_COUNTS;
    const healed = inOrder(askew, ARCHIVES.atOnce, (location) =>
      attempt('askew', location, context, async () => {
        if (location.bucket !== context.archivesBucket) return undefined;
        await lookAgain(location, context);
        return 'askew';
      }),
    );
    for await (const one of healed) counts = addCounts(counts, one);
    yield { position: next === undefined ? { phase: 'bundles' } : { phase: 'sweep', sweep: next }, counts };
    position = next;
  } while (position !== undefined);
}

function compareBundles(after: string | undefined, context: ReconcileContext): AsyncGenerator<Step> {
  const { listing, survey, bundlesBucket: bucket } = context;
  const pairs = merge(
    turnPages((from) => listing.newest(bucket, from), after),
    ({ key }) => key,
    // A bundle's key begins with its id, and ids are of one length: both orders are the same.
    turnPages((from) => survey.bundles(bucket, from?.split('.')[0]), after),
    ({ location }) => location.key,
  );
  const plan = { phase: 'bundles', end: { phase: 'done' }, ...BUNDLES } as const;
  return inBatches(pairs, plan, async ({ key, left: object, right: bundle }) => {
    const location = { bucket, key };
    if (bundle !== undefined && (object === undefined || object.isDeleted)) {
      return attempt('bundlesGone', location, context, () => forgetIfGone(bundle, context));
    }
    if (bundle !== undefined || object?.isDeleted || !isBundleKey(key)) return {};
    if (isYoung(object, context)) return { young: 1 };
    return attempt('bundlesUncatalogued', location, context, async () =>
      (await recordBundleAgain(location, context)) ? 'bundlesUncatalogued' : undefined,
    );
  });
}

async function forgetIfGone(
  bundle: BundleRecord,
  { store, survey }: ReconcileContext,
): Promise<Difference | undefined> {
  const source = await openIfThere(store, bundle.location);
  await source?.close();
  if (source !== undefined) return undefined;
  return (await survey.forgetBundle(bundle)) ? 'bundlesGone' : undefined;
}

interface Plan {
  readonly phase: 'archives' | 'bundles';
  /** Where it goes on when all is looked at. */
  readonly end: RunPosition;
  readonly batchKeys: number;
  readonly atOnce: number;
}

/** Looks at all pairs. A step is a batch, and its position the last key in it; that of the last one is `end`. */
async function* inBatches<Left, Right>(
  pairs: AsyncGenerator<Pair<Left, Right>>,
  { phase, end, batchKeys, atOnce }: Plan,
  look: (pair: Pair<Left, Right>) => Promise<Partial<ReconcileCounts>>,
): AsyncGenerator<Step> {
  try {
    for (;;) {
      const batch = await take(pairs, batchKeys);
      let counts = addCounts(NO_COUNTS, { compared: batch.length });
      for await (const found of inOrder(batch, atOnce, look)) counts = addCounts(counts, found);
      const last = batch.at(-1);
      if (last === undefined || batch.length < batchKeys) return yield { position: end, counts };
      yield { position: { phase, after: last.key }, counts };
    }
  } finally {
    await pairs.return(undefined);
  }
}

async function take<T>(items: AsyncGenerator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const { done, value } = await items.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

function isYoung(object: ListedObject | undefined, { now, graceMs }: ReconcileContext): boolean {
  return object !== undefined && now().getTime() - object.modifiedAt.getTime() < graceMs;
}

/** What would end the whole run as well, so that nothing is gained by going on. */
const HOPELESS = ['no-credentials', 'unreachable', 'internal'] as const;

/** @param expected what a failure is told as, when it is not known what was found */
async function attempt(
  expected: Difference,
  location: ObjectLocation,
  { onDifference }: ReconcileContext,
  work: () => Promise<Difference | undefined>,
): Promise<Partial<ReconcileCounts>> {
  try {
    const found = await work();
    if (found === undefined) return {};
    onDifference?.(found, location);
    return { [found]: 1 };
  } catch (error) {
    if (!isPodfreightError(error) || isPodfreightError(error, ...HOPELESS)) throw error;
    onDifference?.(expected, location, error);
    return { failed: 1 };
  }
}
