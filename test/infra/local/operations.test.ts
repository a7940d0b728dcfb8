import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SQSClient, StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { type LocalStack, startStack } from '../../../infra/local/stack.ts';

// What operators see of the functions: their metrics, their logs, and dead letters sent back as docs/runbook.md says.

describe('the embedded stack, as operators see it', () => {
  let stack: LocalStack;
  let client: { region: string; credentials: { accessKeyId: string; secretAccessKey: string } };
  const variable = (name: string): string => stack.environment[name] ?? assert.fail(`${name} is not set`);
  before(async () => {
    stack = await startStack({ retryAfterSeconds: 0 });
    const credentials = {
      accessKeyId: variable('AWS_ACCESS_KEY_ID'),
      secretAccessKey: variable('AWS_SECRET_ACCESS_KEY'),
    };
    client = { region: variable('AWS_REGION'), credentials };
  });
  after(() => stack?.close());

  interface Emf {
    readonly service: string;
    readonly [metric: string]: unknown;
    readonly _aws: {
      readonly CloudWatchMetrics: readonly {
        readonly Namespace: string;
        readonly Dimensions: readonly string[][];
        readonly Metrics: readonly { readonly Name: string }[];
      }[];
    };
  }

  /** The values of a metric so far, wherever a function wrote it in CloudWatch's embedded metric format. */
  const values = (service: string, metric: string) =>
    stack.functionLogs
      .filter(({ line }) => line.includes('"CloudWatchMetrics"'))
      .map(({ line }) => JSON.parse(line) as Emf)
      .filter((emf) => emf.service === service)
      .filter(({ _aws }) =>
        _aws.CloudWatchMetrics.some(
          ({ Namespace, Dimensions, Metrics }) =>
            Namespace === 'podfreight' &&
            Dimensions.some((names) => names.join() === 'service') &&
            Metrics.some(({ Name }) => Name === metric),
        ),
      )
      .map((emf) => emf[metric]);

  const logged = async (isThere: () => boolean) => {
    // A function's output comes on another way than its answer.
    for (let tries = 0; tries < 500 && !isThere(); tries++) await sleep(20);
  };

  test('counts what is no archive, under the name that the alarm watches', async () => {
    const s3 = new S3Client({ ...client, endpoint: stack.endpoints.s3, forcePathStyle: true });
    const Bucket = variable('PODFREIGHT_ARCHIVES_BUCKET');
    await s3.send(new PutObjectCommand({ Bucket, Key: 'prod/node-a/notes/x.tar', Body: 'no archive' }));
    s3.destroy();
    await stack.settled();
    await logged(() => values('catalogue', 'ObjectsRejected').length > 0);
    assert.deepEqual(values('catalogue', 'ObjectsRejected'), [1]);
  });

  test('counts a bundle that was refused as that, so that the alarm leaves it out', async () => {
    const lambda = new LambdaClient({ ...client, endpoint: stack.endpoints.lambda });
    const Payload = JSON.stringify({ pods: [{ cluster: 'prod', pod: 'default/none' }] });
    const invoke = new InvokeCommand({ FunctionName: variable('PODFREIGHT_BUNDLE_FUNCTION'), Payload });
    const { FunctionError } = await lambda.send(invoke);
    lambda.destroy();
    assert.equal(FunctionError, 'Unhandled');
    await logged(() => values('create-bundle', 'BundlesRefused').length > 0);
    assert.deepEqual(values('create-bundle', 'BundlesRefused'), [1]);
  });

  test('dead letters go back into the queue by SQS’s own task, and are handled', async () => {
    const event = {
      source: 'aws.s3',
      'detail-type': 'Object Created',
      time: '2026-11-22T13:20:05Z',
      // Nobody's sequencer: it is put aside.
      detail: {
        bucket: { name: variable('PODFREIGHT_ARCHIVES_BUCKET') },
        object: { key: 'a/b/c/d.tar', sequencer: '!' },
      },
    };
    await stack.putEvent(event as never);
    await stack.settled();
    assert.equal((await stack.deadLetters()).length, 1);
    const before = values('catalogue', 'MessagesFailed').length;

    const sqs = new SQSClient({ ...client, endpoint: stack.endpoints.sqs });
    const move = (SourceArn: string) =>
      sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn: stack.output('EventsQueueArn') }));
    const { TaskHandle } = await move(stack.output('DeadLettersArn'));
    assert.ok(TaskHandle);
    await stack.settled();
    await logged(() => values('catalogue', 'MessagesFailed').length > before);
    assert.ok(values('catalogue', 'MessagesFailed').length > before, 'the function has not seen it again');
    // Its cause was not mended: it is put aside once more, and not lost.
    assert.equal((await stack.deadLetters()).length, 1);

    await assert.rejects(move(stack.output('EventsQueueArn')), { name: 'InvalidParameterValue' });
    sqs.destroy();
  });

  test('every line of a log is JSON, and none has a credential in it', async () => {
    assert.ok(stack.functionLogs.length > 5);
    for (const { line } of stack.functionLogs) {
      assert.doesNotThrow(() => JSON.parse(line), line);
      assert.ok(!line.includes(client.credentials.secretAccessKey), line);
    }
  });
});
