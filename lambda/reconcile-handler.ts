import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { type ReconcileContext, reconcile } from '../core/reconcile/reconcile.ts';
import { DIFFERENCES, type ReconcileCounts, type ReconcileRun } from '../core/reconcile/run.ts';
import { isDue, parseReconcileRequest } from '../core/reconcile/schedule.ts';

/** Each a line of the log; beyond these, the counts say how many there are. */
const LOGGED_DIFFERENCES_MAX = 200;

export type ReconcileFunctionAnswer =
  | { readonly state: 'finished' | 'unfinished'; readonly run: ReconcileRun; readonly counts: ReconcileCounts }
  | { readonly state: 'not due'; readonly run: ReconcileRun | undefined };

export interface ReconcileDependencies
  extends Omit<ReconcileContext, 'remainingMs' | 'graceMs' | 'onDifference' | 'now'> {
  readonly everyHours: number;
  readonly now?: () => Date;
}

/** By the clock, or when somebody asks: `parseReconcileRequest`. Answers how far the run is. */
export function reconcileHandler({ everyHours, now = () => new Date(), ...dependencies }: ReconcileDependencies) {
  const logger = new Logger();
  const metrics = new Metrics();

  async function handle(event: unknown, context: Context): Promise<ReconcileFunctionAnswer> {
    const { scheduled, graceMs } = parseReconcileRequest(event);
    const last = await dependencies.survey.run(dependencies.archivesBucket);
    if (scheduled && !isDue(last, everyHours, now())) return { state: 'not due', run: last };

    let logged = 0;
    const onDifference: ReconcileContext['onDifference'] = (difference, { bucket, key }, failure) => {
      logged += 1;
      if (logged > LOGGED_DIFFERENCES_MAX) return;
      if (failure === undefined) logger.warn('Difference', { difference, bucket, key });
      else logger.error('Difference not healed', { difference, bucket, key, code: failure.code, error: failure });
    };
    const remainingMs = () => context.getRemainingTimeInMillis();
    const { run, counts } = await reconcile({ ...dependencies, now, graceMs, remainingMs, onDifference });
    const state = run.finishedAt === undefined ? 'unfinished' : 'finished';
    logger.info(`Comparison of buckets and catalogue ${state}`, { run: { ...run, position: undefined }, counts });
    report(counts, state);
    return { state, run, counts };
  }

  function report(counts: ReconcileCounts, state: string): void {
    const all = DIFFERENCES.reduce((sum, kind) => sum + counts[kind], 0);
    metrics.addMetric('ReconcileDifferences', MetricUnit.Count, all + counts.failed);
    for (const kind of DIFFERENCES) metrics.addMetric(metricOf(kind), MetricUnit.Count, counts[kind]);
    metrics.addMetric('ReconcileFailed', MetricUnit.Count, counts.failed);
    metrics.addMetric('ReconcileCompared', MetricUnit.Count, counts.compared);
    metrics.addMetric('ReconcileFinished', MetricUnit.Count, state === 'finished' ? 1 : 0);
  }

  return middy<unknown, ReconcileFunctionAnswer>()
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics))
    .handler(handle);
}

/** `bundlesGone` as `ReconcileBundlesGone`. */
function metricOf(kind: string): string {
  return `Reconcile${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
}
