import { PodfreightError } from '../errors.ts';
import type { ReconcileRun } from './run.ts';

/** The environment variable that says how many hours lie between the beginnings of two runs. */
export const RECONCILE_HOURS = 'PODFREIGHT_RECONCILE_HOURS';

/** An event takes seconds; one that a function failed on comes again for two hours, but that is worth looking at. */
const GRACE_SECONDS = 15 * 60;
const HOUR_MS = 3_600_000;

/** What an invocation wants. */
export interface ReconcileRequest {
  /** By the clock: only when a run is unfinished or due. */
  readonly scheduled: boolean;
  readonly graceMs: number;
}

/**
 * The schedule's event, or what somebody invokes the function with: `{}`, `{"graceSeconds": 0}`.
 * @throws PodfreightError `usage`
 */
export function parseReconcileRequest(event: unknown): ReconcileRequest {
  const fields = typeof event === 'object' && event !== null ? (event as Record<string, unknown>) : {};
  if (fields.source === 'aws.events') return { scheduled: true, graceMs: GRACE_SECONDS * 1000 };
  const { graceSeconds = GRACE_SECONDS, ...others } = fields;
  if (typeof graceSeconds !== 'number' || !(graceSeconds >= 0) || Object.keys(others).length > 0) {
    throw new PodfreightError('usage', 'A reconcile request is {} or {"graceSeconds": NUMBER}.');
  }
  return { scheduled: false, graceMs: graceSeconds * 1000 };
}

/** Whether a scheduled invocation has something to do. */
export function isDue(last: ReconcileRun | undefined, everyHours: number, now: Date): boolean {
  if (last === undefined || last.position.phase !== 'done') return true;
  // The clock of the schedule is not exact; a run that is due every hour must not skip every other one.
  return now.getTime() - Date.parse(last.startedAt) >= (everyHours - 0.5) * HOUR_MS;
}
