import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { createBundle } from '../core/bundle/create-bundle.ts';
import { type BundleAnswer, parseBundleRequest } from '../core/bundle/request.ts';
import type { BundleContext } from '../core/bundle/work.ts';
import { type ErrorCode, isPodfreightError } from '../core/errors.ts';
import { remoteError } from '../core/remote-error.ts';

const MESSAGES: Readonly<Record<BundleAnswer['state'], string>> = {
  ready: 'Bundle ready',
  planned: 'Bundle planned',
  unfinished: 'Bundle goes on in the next invocation',
};

/** What whoever asked for a bundle has no part in; the alarm "Bundles fail" counts all failures but refusals. */
const OUR_CODES: ReadonlySet<ErrorCode> = new Set([
  'no-credentials',
  'access-denied',
  'unreachable',
  'service',
  'internal',
]);

/** Invoked with a `BundleRequest`, answers with a `BundleAnswer`; its failures are `remoteError`s. */
export function createBundleHandler(bundleContext: Omit<BundleContext, 'remainingMs'>) {
  const logger = new Logger();
  const metrics = new Metrics();

  async function handle(event: unknown, context: Context): Promise<BundleAnswer> {
    const remainingMs = () => context.getRemainingTimeInMillis();
    const answer = await createBundle(parseBundleRequest(event), { ...bundleContext, remainingMs });
    logger.info(MESSAGES[answer.state], { bundle: withoutLists(answer) });
    metrics.addMetric('BundlesCreated', MetricUnit.Count, answer.state === 'ready' && answer.created ? 1 : 0);
    metrics.addMetric('BytesThrough', MetricUnit.Bytes, answer.state === 'planned' ? 0 : answer.bytesThrough);
    return answer;
  }

  return middy<unknown, BundleAnswer>()
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics))
    .onError(({ error }) => {
      const isRefusal = isPodfreightError(error) && !OUR_CODES.has(error.code);
      if (isRefusal) logger.warn('Bundle refused', { code: error.code, error });
      else logger.error('Bundle failed', { error: error as Error });
      metrics.addMetric('BundlesRefused', MetricUnit.Count, isRefusal ? 1 : 0);
      // Throwing ends the chain before the middleware does this.
      metrics.publishStoredMetrics();
      throw remoteError(error);
    })
    .handler(handle);
}

/** A line of a log must not be megabytes long. */
function withoutLists(answer: BundleAnswer) {
  return { ...answer, pods: undefined, rewritten: answer.rewritten.length };
}
