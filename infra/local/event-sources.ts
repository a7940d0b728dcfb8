import type { SQSClient } from '@aws-sdk/client-sqs';
import { PodfreightError } from '../../core/errors.ts';
import type { EventJournal } from './event-journal.ts';
import { MAX_CONCURRENCY } from './functions.ts';
import type { LambdaFunction } from './lambda-function.ts';
import { QueuePoller } from './queue-poller.ts';
import type { LocalQueue } from './queues.ts';
import type { Template } from './template.ts';

interface EventSourceMappingProperties {
  readonly EventSourceArn: string;
  readonly FunctionName: string;
  readonly BatchSize?: number;
  readonly FunctionResponseTypes?: readonly string[];
  readonly ScalingConfig?: { readonly MaximumConcurrency?: number };
}

/** Starts polling for each of the template's mappings from a queue to a function. */
export function startPollers(
  client: SQSClient,
  template: Template,
  queues: ReadonlyMap<string, LocalQueue>,
  functions: readonly LambdaFunction[],
  { retryAfterSeconds, journal }: { retryAfterSeconds: number; journal: EventJournal },
): QueuePoller[] {
  return template
    .resources<EventSourceMappingProperties>('AWS::Lambda::EventSourceMapping')
    .map(({ logicalId, properties }) => {
      const queue = queues.get(properties.EventSourceArn);
      const subject = functions.find(({ settings }) => settings.name === properties.FunctionName);
      if (!queue || !subject) {
        throw new PodfreightError(
          'unsupported',
          `The event source mapping ${logicalId} does not join a queue and a function.`,
        );
      }
      return new QueuePoller(client, {
        queue,
        function: subject,
        batchSize: properties.BatchSize ?? 10,
        reportsFailures: properties.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
        concurrency: Math.min(properties.ScalingConfig?.MaximumConcurrency ?? MAX_CONCURRENCY, MAX_CONCURRENCY),
        retryAfterSeconds,
        onHandled: (messageIds) => journal.remove(messageIds),
      });
    });
}
