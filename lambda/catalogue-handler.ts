import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { catalogueObject, type LookContext } from '../core/catalogue/catalogue-archive.ts';
import type { ArchiveRecord } from '../core/catalogue/records.ts';
import { PodfreightError } from '../core/errors.ts';
import type { Catalogue } from '../core/ports.ts';
import { parseObjectEvent } from './object-event.ts';

export interface CatalogueDependencies extends LookContext {
  readonly catalogue: Catalogue;
  /** Events about another bucket are refused. */
  readonly archivesBucket: string;
}

const METRICS: Readonly<Record<ArchiveRecord['state'], string>> = {
  ready: 'ArchivesCatalogued',
  rejected: 'ObjectsRejected',
  deleted: 'ArchivesForgotten',
};

/** SQS batches of S3's events: each message is done or, by itself, delivered again and at last put aside. */
export function catalogueHandler(dependencies: CatalogueDependencies) {
  const logger = new Logger();
  const metrics = new Metrics();
  const processor = new BatchProcessor(EventType.SQS);

  async function handleMessage({ body, messageId }: SQSRecord): Promise<void> {
    try {
      const event = parseObjectEvent(body);
      if (event.bucket !== dependencies.archivesBucket) {
        throw new PodfreightError('usage', `The message is about the bucket ${event.bucket}, which is not ours.`);
      }
      const { archive, isNewest } = await catalogueObject(event, dependencies);
      const { state, reason, podCount } = archive;
      logger.info('Object catalogued', { ...event, state, reason, podCount, isNewest });
      metrics.addMetric(METRICS[state], MetricUnit.Count, 1);
    } catch (error) {
      logger.error('Message failed', { messageId, error: error as Error });
      metrics.addMetric('MessagesFailed', MetricUnit.Count, 1);
      throw error;
    }
  }

  async function handleBatch(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
    const options = { context, throwOnFullBatchFailure: false };
    return processPartialResponse(event, handleMessage, processor, options);
  }

  return middy<SQSEvent, SQSBatchResponse>()
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics))
    .handler(handleBatch);
}
