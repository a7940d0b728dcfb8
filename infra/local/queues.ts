import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import { PodfreightError } from '../../core/errors.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { moveMessages, type OnMoved, START_MESSAGE_MOVE_TASK } from './message-move.ts';
import { REGION, type Resource, type Template } from './template.ts';

/** SQS by fauxqs, in memory. @param options.onMoved told of each message that a move task sends anew */
export async function startSqs(options: { port?: number; region?: string; onMoved?: OnMoved } = {}): Promise<Endpoint> {
  // Its own `startFauxqs` would listen on every interface.
  const app = buildApp({ logger: false });
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  app.addHook('preHandler', async ({ headers, body }, reply) => {
    if (headers['x-amz-target'] !== START_MESSAGE_MOVE_TASK) return;
    const client = new SQSClient({ endpoint: endpoint.url, region: options.region ?? REGION, credentials });
    const answer = await moveMessages(client, body as object, options.onMoved ?? (() => {}));
    client.destroy();
    return reply.status(answer.status).header('content-type', 'application/x-amz-json-1.0').send(answer.body);
  });
  await app.listen({ port: options.port ?? 0, host: '127.0.0.1' });
  const endpoint = endpointOf(app.server, async () => await app.close());
  return endpoint;
}

interface QueueProperties {
  readonly RedrivePolicy?: { readonly deadLetterTargetArn: string; readonly maxReceiveCount: number };
  readonly [attribute: string]: unknown;
}

export interface LocalQueue {
  readonly arn: string;
  readonly url: string;
  /** Where messages go that were received too often. */
  readonly deadLetterArn?: string;
}

/** Properties that are no attributes of a queue. */
const NOT_ATTRIBUTES = ['QueueName', 'Tags', 'RedrivePolicy'];

/** Creates the template's queues, by ARN; those for dead letters first, because the others point at them. */
export async function createQueues(client: SQSClient, template: Template): Promise<Map<string, LocalQueue>> {
  const resources = template.resources<QueueProperties>('AWS::SQS::Queue');
  const isSource = ({ properties }: Resource<QueueProperties>) => properties.RedrivePolicy !== undefined;
  const queues = new Map<string, LocalQueue>();
  for (const resource of [...resources.filter((one) => !isSource(one)), ...resources.filter(isSource)]) {
    queues.set(resource.arn, await createQueue(client, resource));
  }
  return queues;
}

async function createQueue(client: SQSClient, resource: Resource<QueueProperties>): Promise<LocalQueue> {
  const { name, arn, properties } = resource;
  const attributes = Object.entries(properties)
    .filter(([attribute]) => !NOT_ATTRIBUTES.includes(attribute))
    .map(([attribute, value]) => [attribute, String(value)]);
  const { RedrivePolicy } = properties;
  if (RedrivePolicy) attributes.push(['RedrivePolicy', JSON.stringify(RedrivePolicy)]);
  const { QueueUrl } = await client.send(
    new CreateQueueCommand({ QueueName: name, Attributes: Object.fromEntries(attributes) }),
  );
  if (!QueueUrl) throw new PodfreightError('internal', `The embedded SQS made no queue "${name}".`);
  return { arn, url: QueueUrl, ...(RedrivePolicy && { deadLetterArn: RedrivePolicy.deadLetterTargetArn }) };
}

/** Messages in the queue, also those being handled or waiting to be handled again. */
export async function messageCount(client: SQSClient, queue: LocalQueue): Promise<number> {
  const counts = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: [...counts] }),
  );
  return counts.reduce((sum, name) => sum + Number(Attributes?.[name] ?? 0), 0);
}

/** The bodies of a queue's messages, which stay where they are. */
export async function peek(client: SQSClient, queue: LocalQueue): Promise<string[]> {
  const bodies = new Map<string, string>();
  const total = await messageCount(client, queue);
  while (bodies.size < total) {
    const receive = { QueueUrl: queue.url, MaxNumberOfMessages: 10, VisibilityTimeout: 0 };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(receive));
    if (Messages.length === 0) break;
    for (const { MessageId, Body } of Messages) bodies.set(MessageId ?? '', Body ?? '');
  }
  return [...bodies.values()];
}
