import { randomUUID } from 'node:crypto';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** A message that was sent anew, by which it has another id. */
export type OnMoved = (messageId: string, movedTo: { readonly messageId: string; readonly queueArn: string }) => void;

interface MoveRequest {
  readonly SourceArn?: string;
  readonly DestinationArn?: string;
}

export interface MoveAnswer {
  readonly status: number;
  readonly body: object;
}

export const START_MESSAGE_MOVE_TASK = 'AmazonSQS.StartMessageMoveTask';

/**
 * SQS's StartMessageMoveTask, which its stand-in lacks: moves all messages there are, before it answers. As in SQS, the
 * source must be the dead-letter queue of another queue; unlike there, messages do not remember where they came from, so
 * that without a destination there must be only one such queue.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 */
export async function moveMessages(client: SQSClient, request: MoveRequest, onMoved: OnMoved): Promise<MoveAnswer> {
  const { SourceArn = '', DestinationArn } = request;
  const feeding = await queuesFeeding(client, SourceArn);
  const [origin] = feeding;
  if (origin === undefined) {
    return refusal('InvalidParameterValue', 'Source queue must be configured as a Dead Letter Queue.');
  }
  if (DestinationArn === undefined && feeding.length > 1) {
    return refusal('UnsupportedOperation', 'The embedded stack needs a destination where several queues share one.');
  }
  const destinationArn = DestinationArn ?? origin;
  const [from, to] = await Promise.all([urlOf(client, SourceArn), urlOf(client, destinationArn)]);
  for (;;) {
    const receive = { QueueUrl: from, MaxNumberOfMessages: 10 };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(receive));
    if (Messages.length === 0) break;
    for (const { Body, MessageId = '', ReceiptHandle } of Messages) {
      const sent = await client.send(new SendMessageCommand({ QueueUrl: to, MessageBody: Body }));
      await client.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle }));
      onMoved(MessageId, { messageId: sent.MessageId ?? '', queueArn: destinationArn });
    }
  }
  return { status: 200, body: { TaskHandle: Buffer.from(randomUUID()).toString('base64') } };
}

/** ARNs of the queues whose dead letters go there. */
async function queuesFeeding(client: SQSClient, deadLetterArn: string): Promise<string[]> {
  const { QueueUrls = [] } = await client.send(new ListQueuesCommand({}));
  const arns = await Promise.all(
    QueueUrls.map(async (QueueUrl) => {
      const ask = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn', 'RedrivePolicy'] });
      const { Attributes = {} } = await client.send(ask);
      const target = Attributes.RedrivePolicy && JSON.parse(Attributes.RedrivePolicy).deadLetterTargetArn;
      return target === deadLetterArn ? Attributes.QueueArn : undefined;
    }),
  );
  return arns.filter((arn) => arn !== undefined);
}

async function urlOf(client: SQSClient, arn: string): Promise<string | undefined> {
  const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: arn.split(':').at(-1) }));
  return QueueUrl;
}

function refusal(code: string, message: string): MoveAnswer {
  return { status: 400, body: { __type: `com.amazonaws.sqs#${code}`, message } };
}
