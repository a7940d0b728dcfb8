import { Duration, Validations } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Place } from './places.ts';

/** Attempts at one event before it is put aside; with the visibility timeout between them, two hours. */
const MAX_RECEIVE_COUNT = 20;
const KEPT = Duration.days(14);

/**
 * From a change in the archives bucket to a message for whoever catalogues it. What the rule could not send and what
 * could not be handled are put aside in the same queue, because SQS moves messages back only from one that is the
 * dead-letter queue of another: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 */
export class ObjectEvents extends Construct {
  readonly rule: Rule;
  readonly queue: Queue;
  readonly deadLetters: Queue;

  /** @param handling the longest that one batch may take */
  constructor(scope: Construct, id: string, { archivesBucket }: Place, handling: Duration) {
    super(scope, id);
    const secret = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
    this.deadLetters = new Queue(this, 'DeadLetters', { ...secret, retentionPeriod: KEPT });
    this.queue = new Queue(this, 'Queue', {
      ...secret,
      // Six times the function's timeout, as Lambda's documentation asks of a queue that feeds a function.
      visibilityTimeout: Duration.seconds(6 * handling.toSeconds()),
      retentionPeriod: KEPT,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
    this.rule = new Rule(this, 'Rule', {
      description: 'Archives that came or went, for the catalogue',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created', 'Object Deleted'],
        detail: { bucket: { name: [archivesBucket] } },
      },
      targets: [new SqsQueue(this.queue, { deadLetterQueue: this.deadLetters })],
    });
    Validations.of(this.deadLetters).acknowledge({
      id: 'Serverless-SQSRedrivePolicy',
      reason: 'It is the dead-letter queue itself; an alarm tells of every message in it.',
    });
  }
}
