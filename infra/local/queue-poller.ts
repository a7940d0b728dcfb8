import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { LambdaFunction } from './lambda-function.ts';
import type { LocalQueue } from './queues.ts';
import type { Outcome } from './runtime-environment.ts';

const LONG_POLL_SECONDS = 20;

export interface PollerSettings {
  readonly queue: LocalQueue;
  readonly function: Pick<LambdaFunction, 'invoke'>;
  readonly batchSize: number;
  /** Whether the function answers with the records it failed on; if not, it fails on all or none. */
  readonly reportsFailures: boolean;
  /** Batches handled at once. */
  readonly concurrency: number;
  /** When what failed is received again; on AWS that is when the queue's visibility timeout is over. */
  readonly retryAfterSeconds: number;
  readonly onHandled: (messageIds: readonly string[]) => void;
}

/** What Lambda does between a queue and a function: receives, invokes, deletes what succeeded, leaves what failed. */
export class QueuePoller {
  readonly #client: SQSClient;
  readonly #settings: PollerSettings;
  readonly #closing = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(client: SQSClient, settings: PollerSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#loops = Array.from({ length: settings.concurrency }, () => this.#poll());
  }

  /** Waits for the batches being handled; take their function away first to cut them short. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#loops);
  }

  async #poll(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        const messages = await this.#receive();
        if (messages.length > 0) await this.#handle(messages);
      } catch (error) {
        if (!this.#closing.signal.aborted) throw error;
      }
    }
  }

  async #receive(): Promise<Message[]> {
    const { Messages = [] } = await this.#client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#settings.queue.url,
        MaxNumberOfMessages: this.#settings.batchSize,
        WaitTimeSeconds: LONG_POLL_SECONDS,
        MessageSystemAttributeNames: ['All'],
      }),
      { abortSignal: this.#closing.signal },
    );
    return Messages;
  }

  async #handle(messages: readonly Message[]): Promise<void> {
    const { queue, function: subject, reportsFailures, retryAfterSeconds, onHandled } = this.#settings;
    const records = messages.map((message) => recordOf(message, queue.arn));
    const outcome = await subject.invoke(JSON.stringify({ Records: records }));
    const ids = records.map(({ messageId }) => messageId);
    const failed = failedRecords(outcome, ids, reportsFailures);

    const entries = records.map(({ receiptHandle, messageId }, index) => ({
      Id: String(index),
      ReceiptHandle: receiptHandle,
      messageId,
    }));
    const done = entries.filter(({ messageId }) => !failed.has(messageId));
    const again = entries.filter(({ messageId }) => failed.has(messageId));
    if (done.length > 0) {
      await this.#client.send(
        new DeleteMessageBatchCommand({ QueueUrl: queue.url, Entries: done.map(withoutMessageId) }),
      );
      onHandled(done.map(({ messageId }) => messageId));
    }
    if (again.length > 0) {
      const Entries = again.map((entry) => ({ ...withoutMessageId(entry), VisibilityTimeout: retryAfterSeconds }));
      await this.#client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queue.url, Entries }));
    }
  }
}

function withoutMessageId({ Id, ReceiptHandle }: { Id: string; ReceiptHandle: string }) {
  return { Id, ReceiptHandle };
}

function recordOf(message: Message, queueArn: string): SQSRecord {
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: (message.Attributes ?? {}) as unknown as SQSRecord['attributes'],
    messageAttributes: {},
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3] ?? '',
  };
}

/**
 * Which records of a batch are to be received again. All, when the function failed as a whole or names a record that it
 * was not given.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html "Implementing partial batch responses"
 */
export function failedRecords(outcome: Outcome, ids: readonly string[], reportsFailures: boolean): Set<string> {
  const all = new Set(ids);
  const none = new Set<string>();
  if (outcome.failed) return all;
  if (!reportsFailures) return none;
  const answer = JSON.parse(outcome.payload) as { batchItemFailures?: { itemIdentifier?: unknown }[] | null } | null;
  const failures = answer?.batchItemFailures ?? [];
  const named = failures.map(({ itemIdentifier }) => itemIdentifier);
  const known = named.every((id) => typeof id === 'string' && all.has(id));
  return known ? new Set(named as string[]) : all;
}
