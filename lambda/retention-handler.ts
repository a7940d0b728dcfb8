import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { RemovalContext } from '../core/custody/remove-archives.ts';
import { PodfreightError } from '../core/errors.ts';
import { clustersOf } from '../core/retention/clusters.ts';
import { parseRetentionPolicy, type RetentionPolicy } from '../core/retention/policy.ts';
import { type PruneAnswer, prune } from '../core/retention/prune.ts';

/** Answered lists hold no more: an answer may measure 6 MiB. */
const LISTED_MAX = 1000;

export interface RetentionDependencies extends RemovalContext {
  readonly archivesBucket: string;
  /** Absent: nothing is removed. */
  readonly policy?: RetentionPolicy;
}

export type RetentionFunctionAnswer =
  | { readonly state: 'off' }
  | ({ readonly state: 'pruned'; readonly policy: RetentionPolicy; readonly removedCount: number } & PruneAnswer);

/** By the clock, or `{"dryRun": true}`, which also tries out another policy: `{"dryRun": true, "policy": {…}}`. */
export function retentionHandler({ policy: deployed, archivesBucket, ...context }: RetentionDependencies) {
  const logger = new Logger();
  const metrics = new Metrics();

  async function handle(event: unknown, lambda: Context): Promise<RetentionFunctionAnswer> {
    const { dryRun, policy = deployed } = parseRequest(event);
    if (policy === undefined) return { state: 'off' };
    const clusters = await clustersOf(context.survey, archivesBucket);
    const answer = await prune(
      { policy, clusters, dryRun, bucket: archivesBucket, by: 'retention' },
      {
        ...context,
        remainingMs: () => lambda.getRemainingTimeInMillis(),
        onRemoved: ({ archive, reason }) => logger.info('Archive removed', { archive, reason }),
      },
    );
    const { removed, held, spared } = answer;
    for (const { archive, because } of spared) logger.warn('Archive left', { archive, because });
    logger.info('Retention', { policy, dryRun, removed: removed.length, held: held.length, spared: spared.length });
    metrics.addMetric('ArchivesPruned', MetricUnit.Count, dryRun ? 0 : removed.length);
    metrics.addMetric('ArchivesSpared', MetricUnit.Count, spared.length);
    return {
      ...{ state: 'pruned', policy, removedCount: removed.length, ...answer },
      removed: removed.slice(0, LISTED_MAX),
      held: held.slice(0, LISTED_MAX),
      spared: spared.slice(0, LISTED_MAX),
    };
  }

  return middy<unknown, RetentionFunctionAnswer>()
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics))
    .handler(handle);
}

function parseRequest(event: unknown): { dryRun: boolean; policy?: RetentionPolicy } {
  const fields = typeof event === 'object' && event !== null ? (event as Record<string, unknown>) : {};
  if (fields.source === 'aws.events') return { dryRun: false };
  const { dryRun = false, policy, ...others } = fields;
  const isKnown = typeof dryRun === 'boolean' && Object.keys(others).length === 0;
  if (!isKnown || (policy !== undefined && !dryRun)) {
    const shape = '{}, {"dryRun": true} or {"dryRun": true, "policy": {…}}';
    throw new PodfreightError('usage', `A retention request is ${shape}.`);
  }
  return { dryRun, ...(policy !== undefined && { policy: parseRetentionPolicy(policy, 'policy') }) };
}
