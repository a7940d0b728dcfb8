import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Endpoint } from '../../../infra/local/endpoint.ts';
import { createQueues, type LocalQueue, messageCount, peek, startSqs } from '../../../infra/local/queues.ts';
import { Template } from '../../../infra/local/template.ts';

// What podfreight asks of SQS, asked of its stand-in.

let endpoint: Endpoint;
let client: SQSClient;
before(async () => {
  endpoint = await startSqs();
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  client = new SQSClient({ endpoint: endpoint.url, region: 'us-east-1', credentials, maxAttempts: 1 });
});
after(async () => {
  client.destroy();
  await endpoint.close();
});

async function newQueue(name: string, attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  assert.ok(QueueUrl);
  return QueueUrl;
}

const send = (QueueUrl: string, MessageBody: string) => client.send(new SendMessageCommand({ QueueUrl, MessageBody }));

async function receive(QueueUrl: string, options: { WaitTimeSeconds?: number; VisibilityTimeout?: number } = {}) {
  const input = { QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All' as const], ...options };
  return (await client.send(new ReceiveMessageCommand(input))).Messages ?? [];
}

test('the queues of a template get its settings, and the ARNs by which the template knows them', async () => {
  const Resources = {
    Main: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        SqsManagedSseEnabled: true,
        VisibilityTimeout: 360,
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Aside', 'Arn'] }, maxReceiveCount: 5 },
      },
    },
    Aside: { Type: 'AWS::SQS::Queue', Properties: { MessageRetentionPeriod: 1209600 } },
  };
  const queues = await createQueues(client, new Template('settings', { Resources } as never));
  const attributesOf = async (queue: LocalQueue | undefined) =>
    (await client.send(new GetQueueAttributesCommand({ QueueUrl: queue?.url, AttributeNames: ['All'] }))).Attributes;

  const arn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:settings-${name}`;
  assert.deepEqual([...queues.keys()], [arn('aside'), arn('main')]);
  assert.equal(queues.get(arn('main'))?.deadLetterArn, arn('aside'));
  const main = await attributesOf(queues.get(arn('main')));
  assert.equal(main?.QueueArn, arn('main'));
  assert.equal(main?.VisibilityTimeout, '360');
  assert.deepEqual(JSON.parse(main?.RedrivePolicy ?? ''), { deadLetterTargetArn: arn('aside'), maxReceiveCount: 5 });
  assert.equal((await attributesOf(queues.get(arn('aside'))))?.MessageRetentionPeriod, '1209600');
});

test('a message is received with its body and attributes, hidden while it is handled, and gone when deleted', async () => {
  const url = await newQueue('messages');
  const body = JSON.stringify({ text: 'ü 漢' });
  await send(url, body);
  const [message] = await receive(url);
  assert.equal(message?.Body, body);
  assert.equal(message?.Attributes?.ApproximateReceiveCount, '1');
  assert.ok(message?.Attributes?.SentTimestamp);
  assert.deepEqual(await receive(url), []);
  await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle }));
  assert.equal(await messageCount(client, { arn: '', url }), 0);
});

test('a long poll waits for a message and returns with it', async () => {
  const url = await newQueue('long-poll');
  const waiting = receive(url, { WaitTimeSeconds: 20 });
  await send(url, 'here');
  assert.deepEqual(
    (await waiting).map(({ Body }) => Body),
    ['here'],
  );
});

test('a long poll of an empty queue returns empty when its time is over', async () => {
  const url = await newQueue('long-poll-empty');
  const start = performance.now();
  assert.deepEqual(await receive(url, { WaitTimeSeconds: 1 }), []);
  assert.ok(performance.now() - start > 900);
});

test('a message not deleted in time comes again, counted', async () => {
  const url = await newQueue('visibility');
  await send(url, 'again');
  await receive(url, { VisibilityTimeout: 1 });
  const [message] = await receive(url, { WaitTimeSeconds: 5 });
  assert.equal(message?.Body, 'again');
  assert.equal(message?.Attributes?.ApproximateReceiveCount, '2');
});

test('a message made visible comes again at once', async () => {
  const url = await newQueue('made-visible');
  await send(url, 'at once');
  const [message] = await receive(url, { VisibilityTimeout: 30 });
  const ReceiptHandle = message?.ReceiptHandle;
  await client.send(new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 }));
  assert.equal((await receive(url, { WaitTimeSeconds: 5 }))[0]?.Body, 'at once');
});

test('a message received too often is moved to the other queue', async () => {
  const aside = await newQueue('aside');
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: aside, AttributeNames: ['QueueArn'] }),
  );
  const redrive = JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 2 });
  const url = await newQueue('redrive', { RedrivePolicy: redrive });
  await send(url, 'poison');
  for (const count of ['1', '2']) {
    const [message] = await receive(url, { VisibilityTimeout: 0 });
    assert.equal(message?.Attributes?.ApproximateReceiveCount, count);
  }
  assert.deepEqual(await receive(url), []);
  assert.deepEqual(await peek(client, { arn: '', url: aside }), ['poison']);
});

test('ten messages go, come and are deleted as batches; eleven are refused', async () => {
  const url = await newQueue('batches');
  const entries = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ Id: `${i}`, MessageBody: `body ${i}` }));
  await client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: entries(10) }));
  const messages = await receive(url);
  assert.equal(messages.length, 10);
  const Entries = messages.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle }));
  const { Successful } = await client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
  assert.equal(Successful?.length, 10);
  const tooMany = client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: entries(11) }));
  await assert.rejects(tooMany, { name: 'TooManyEntriesInBatchRequest' });
});

test('a message may measure 1 MiB and not a byte more', async () => {
  const url = await newQueue('sizes');
  await send(url, 'x'.repeat(1024 * 1024));
  await assert.rejects(send(url, 'x'.repeat(1024 * 1024 + 1)), /must be shorter than 1048576 bytes/);
});

test('a queue that is not there is named as such', async () => {
  const missing = client.send(new GetQueueUrlCommand({ QueueName: 'missing' }));
  await assert.rejects(missing, { name: 'QueueDoesNotExist' });
});

test('peeking shows every message and leaves them all', async () => {
  const url = await newQueue('peek');
  const bodies = Array.from({ length: 25 }, (_, i) => `body ${i}`);
  await Promise.all(bodies.map((body) => send(url, body)));
  for (let time = 0; time < 2; time += 1) {
    assert.deepEqual((await peek(client, { arn: '', url })).sort(), bodies.toSorted());
  }
});
