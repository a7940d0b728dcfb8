import type { SweepPosition } from '../catalogue/sweep.ts';

/**
 * What can differ between a bucket and the catalogue:
 * - `uncatalogued`: an object of which the catalogue does not know, or knows that it is gone
 * - `changed`: it knows another version of the object
 * - `gone`: it knows an object that is not there
 * - `askew`: what it holds of an object does not belong together
 * - `bundlesGone`: it knows a bundle that is not there
 * - `bundlesUncatalogued`: a bundle of which it does not know
 */
export const DIFFERENCES = ['uncatalogued', 'changed', 'gone', 'askew', 'bundlesGone', 'bundlesUncatalogued'] as const;

export type Difference = (typeof DIFFERENCES)[number];

export interface ReconcileCounts extends Readonly<Record<Difference, number>> {
  /** Keys compared, of both buckets. */
  readonly compared: number;
  /** Differences so young that an event may still be on its way; left alone. */
  readonly young: number;
  /** Differences that could not be healed; the next run meets them again. */
  readonly failed: number;
}

export const NO_COUNTS: ReconcileCounts = {
  compared: 0,
  young: 0,
  failed: 0,
  ...(Object.fromEntries(DIFFERENCES.map((kind) => [kind, 0])) as Record<Difference, number>),
};

export function addCounts(a: ReconcileCounts, b: Partial<ReconcileCounts>): ReconcileCounts {
  const names = Object.keys(NO_COUNTS) as (keyof ReconcileCounts)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + (b[name] ?? 0)])) as unknown as ReconcileCounts;
}

/** Where a run goes on. `after` is a key of the bucket or a bundle's id. */
export type RunPosition =
  | { readonly phase: 'archives' | 'bundles'; readonly after?: string }
  | { readonly phase: 'sweep'; readonly sweep?: SweepPosition }
  | { readonly phase: 'done' };

/** One comparison of buckets and catalogue, over as many invocations as it takes; what is kept between them. */
export interface ReconcileRun {
  readonly archivesBucket: string;
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly invocations: number;
  readonly position: RunPosition;
  readonly counts: ReconcileCounts;
}
