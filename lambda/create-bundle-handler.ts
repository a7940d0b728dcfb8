import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { type BundleContext, createBundle } from '../core/bundle/create-bundle.ts';
import { type BundleResult, parseBundleRequest } from '../core/bundle/request.ts';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import { remoteError } from '../core/remote-error.ts';

/** Left of the function's time for taking back what was begun. */
const CLEAN_UP_MS = 20_000;

/** Invoked with a `BundleRequest`, answers with a `BundleResult`; its failures are `remoteError`s. */
export function createBundleHandler(bundleContext: Omit<BundleContext, 'signal'>) {
  const logger = new Logger();
  const metrics = new Metrics();

  async function handle(event: unknown, context: Context): Promise<BundleResult> {
    const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - CLEAN_UP_MS));
    const result = await createBundle(parseBundleRequest(event), { ...bundleContext, signal }).catch((error) => {
      throw signal.aborted ? outOfTime(error) : error;
    });
    const { pods, ...described } = result;
    logger.info('Bundle ready', { ...described, podCount: pods.length });
    metrics.addMetric('BundlesCreated', MetricUnit.Count, result.created ? 1 : 0);
    metrics.addMetric('BytesThrough', MetricUnit.Bytes, result.bytesThrough);
    return result;
  }

  return middy<unknown, BundleResult>()
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics))
    .onError(({ error }) => {
      if (isPodfreightError(error)) logger.warn('Bundle refused', { code: error.code, error });
      else logger.error('Bundle failed', { error: error as Error });
      throw remoteError(error);
    })
    .handler(handle);
}

function outOfTime(cause: unknown): PodfreightError {
  const message = 'The bundle took longer than its function may work; ask for fewer pods at once.';
  return new PodfreightError('unsupported', message, { cause });
}
