import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';
import type { Endpoint } from '../../../infra/local/endpoint.ts';
import { failedRecords, QueuePoller } from '../../../infra/local/queue-poller.ts';
import { createQueues, type LocalQueue, messageCount, peek, startSqs } from '../../../infra/local/queues.ts';
import type { Outcome } from '../../../infra/local/runtime-environment.ts';
import { Template } from '../../../infra/local/template.ts';
import { until } from '../../e2e/agent.ts';

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

const FAILED: [string, Outcome, string[]][] = [
  ['nothing', { failed: false, payload: '{"batchItemFailures":[]}' }, []],
  ['null', { failed: false, payload: 'null' }, []],
  ['no list', { failed: false, payload: '{}' }, []],
  ['one of them', { failed: false, payload: '{"batchItemFailures":[{"itemIdentifier":"b"}]}' }, ['b']],
  ['an unknown one', { failed: false, payload: '{"batchItemFailures":[{"itemIdentifier":"x"}]}' }, ['a', 'b']],
  ['an empty one', { failed: false, payload: '{"batchItemFailures":[{"itemIdentifier":""}]}' }, ['a', 'b']],
  ['one without a name', { failed: false, payload: '{"batchItemFailures":[{}]}' }, ['a', 'b']],
  ['an error', { failed: true, payload: '{"errorType":"Error"}' }, ['a', 'b']],
];

for (const [what, outcome, expected] of FAILED) {
  test(`a function that answers ${what} has failed on ${expected.join(' and ') || 'none'} of a and b`, () => {
    assert.deepEqual([...failedRecords(outcome, ['a', 'b'], true)], expected);
  });
}

test('a function that does not report failures fails on all or none', () => {
  const answer = { failed: false, payload: '{"batchItemFailures":[{"itemIdentifier":"b"}]}' };
  assert.deepEqual([...failedRecords(answer, ['a', 'b'], false)], []);
  assert.deepEqual([...failedRecords({ failed: true, payload: '{}' }, ['a', 'b'], false)], ['a', 'b']);
});

/** A queue that puts messages aside after `maxReceiveCount`, and the queue where they go. */
async function queuePair(name: string, maxReceiveCount: number): Promise<{ queue: LocalQueue; aside: LocalQueue }> {
  const Resources = {
    Main: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        QueueName: name,
        VisibilityTimeout: 360,
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Aside', 'Arn'] }, maxReceiveCount },
      },
    },
    Aside: { Type: 'AWS::SQS::Queue', Properties: { QueueName: `${name}-aside` } },
  };
  const [aside, queue] = (await createQueues(client, new Template('stack', { Resources } as never))).values();
  assert.ok(queue && aside);
  return { queue, aside };
}

test('what succeeds is deleted, what fails comes again and is put aside in the end', async () => {
  const { queue, aside } = await queuePair('partial', 3);
  const bodies = ['good 1', 'bad', 'good 2'];
  await Promise.all(
    bodies.map((body) => client.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: body }))),
  );

  const received: string[] = [];
  const handled: string[] = [];
  const invoke = async (payload: string) => {
    const { Records } = JSON.parse(payload) as SQSEvent;
    for (const { body, eventSourceARN, attributes } of Records) {
      assert.equal(eventSourceARN, queue.arn);
      received.push(`${body} #${attributes.ApproximateReceiveCount}`);
    }
    const failures = Records.filter(({ body }) => body === 'bad').map(({ messageId }) => ({
      itemIdentifier: messageId,
    }));
    return { failed: false, payload: JSON.stringify({ batchItemFailures: failures }), requestId: 'any' };
  };
  const poller = new QueuePoller(client, {
    queue,
    function: { invoke },
    batchSize: 10,
    reportsFailures: true,
    concurrency: 2,
    retryAfterSeconds: 0,
    onHandled: (ids) => handled.push(...ids),
  });
  await until('the queue is empty', async () => (await messageCount(client, queue)) === 0);
  await poller.close();

  assert.deepEqual(received.sort(), ['bad #1', 'bad #2', 'bad #3', 'good 1 #1', 'good 2 #1']);
  assert.equal(handled.length, 2);
  assert.deepEqual(await peek(client, aside), ['bad']);
});

test('a poller that has nothing to do closes at once', async () => {
  const { queue } = await queuePair('empty', 3);
  const poller = new QueuePoller(client, {
    queue,
    function: { invoke: () => assert.fail('nothing was sent') },
    batchSize: 10,
    reportsFailures: true,
    concurrency: 2,
    retryAfterSeconds: 0,
    onHandled: () => {},
  });
  await poller.close();
});
