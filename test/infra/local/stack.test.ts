import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, GetBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { dynamodbCatalogue } from '../../../aws/dynamodb-catalogue.ts';
import type { Catalogue } from '../../../core/ports.ts';
import type { S3Event } from '../../../infra/local/s3/server.ts';
import { type LocalStack, type StackOptions, startStack } from '../../../infra/local/stack.ts';

const ARCHIVE = readFileSync(join(import.meta.dirname, '../../fixtures/node-a.tar.zst'));

/** A key of the form that archives have, one for each name. */
function keyOf(name: string): string {
  return `prod/node-a/${createHash('sha256').update(name).digest('hex')}/20261122T132000Z.tar.zst`;
}

/** A stack with clients for it. */
interface Subject extends AsyncDisposable {
  readonly stack: LocalStack;
  readonly s3: S3Client;
  readonly catalogue: Catalogue;
  readonly archives: string;
  put(key: string, body: Buffer | string): Promise<void>;
  /** The state in which the catalogue has the object, if any. */
  state(key: string): Promise<string | undefined>;
  /** Everything in the table, as one comparable text. */
  tableContents(): Promise<string>;
}

async function start(options: StackOptions = {}): Promise<Subject> {
  const stack = await startStack(options);
  const { environment } = stack;
  const variable = (name: string): string => environment[name] ?? assert.fail(`${name} is not set`);
  const client = {
    region: variable('AWS_REGION'),
    credentials: {
      accessKeyId: variable('AWS_ACCESS_KEY_ID'),
      secretAccessKey: variable('AWS_SECRET_ACCESS_KEY'),
    },
  };
  const s3 = new S3Client({ ...client, endpoint: variable('AWS_ENDPOINT_URL_S3') });
  const dynamodb = new DynamoDBClient({ ...client, endpoint: variable('AWS_ENDPOINT_URL_DYNAMODB') });
  const archives = variable('PODFREIGHT_ARCHIVES_BUCKET');
  const table = variable('PODFREIGHT_TABLE');
  const catalogue = dynamodbCatalogue(table, dynamodb);
  return {
    stack,
    s3,
    catalogue,
    archives,
    put: async (Key, Body) => void (await s3.send(new PutObjectCommand({ Bucket: archives, Key, Body }))),
    state: async (key) => (await catalogue.archive({ bucket: archives, key }))?.state,
    tableContents: async () => {
      const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: table }));
      return Items.map((item) => JSON.stringify(item))
        .sort()
        .join('\n');
    },
    [Symbol.asyncDispose]: async () => {
      s3.destroy();
      dynamodb.destroy();
      await stack.close();
    },
  };
}

describe('the embedded stack', () => {
  let subject: Subject;
  before(async () => {
    const begin = performance.now();
    subject = await start({ retryAfterSeconds: 0 });
    console.log(`# stack up in ${Math.round(performance.now() - begin)} ms, synthesis included if sources changed`);
  });
  after(() => subject[Symbol.asyncDispose]());

  test('takes from the template what buckets are like, and says what it leaves out', async () => {
    const { Status } = await subject.s3.send(new GetBucketVersioningCommand({ Bucket: subject.archives }));
    assert.equal(Status, 'Enabled');
    assert.ok(subject.stack.notEmulated.includes('AWS::IAM::Role'));
    assert.ok(!subject.stack.notEmulated.includes('AWS::S3::Bucket'));
  });

  test('listens on 127.0.0.1 only', () => {
    for (const url of Object.values(subject.stack.endpoints)) assert.equal(new URL(url).hostname, '127.0.0.1');
  });

  test('catalogues an archive that comes, and notices when it goes', async () => {
    await subject.put(keyOf('come-and-go'), ARCHIVE);
    await subject.stack.settled();
    assert.equal(await subject.state(keyOf('come-and-go')), 'ready');

    const key = { Bucket: subject.archives, Key: keyOf('come-and-go') };
    await subject.s3.send(new DeleteObjectCommand(key));
    await subject.stack.settled();
    assert.equal(await subject.state(key.Key), 'deleted');
  });

  test('records what is no archive, once and without trying again', async () => {
    const received: string[] = [];
    subject.stack.onEvent = (event, deliver) => {
      received.push(event.detail.object.key);
      void deliver(event);
    };
    await subject.put('notes 🙂.txt', 'not an archive');
    await subject.stack.settled();
    assert.equal(await subject.state('notes 🙂.txt'), 'rejected');
    assert.deepEqual(received, ['notes 🙂.txt']);
    assert.deepEqual(await subject.stack.deadLetters(), []);
  });

  test('ends the same when an event comes three times, late and in another order', async () => {
    const events: S3Event[] = [];
    subject.stack.onEvent = (event) => void events.push(event);
    await subject.put(keyOf('thrice'), ARCHIVE);
    await subject.s3.send(new DeleteObjectCommand({ Bucket: subject.archives, Key: keyOf('thrice') }));
    await subject.put(keyOf('thrice'), ARCHIVE);
    await subject.stack.settled();
    assert.equal(events.length, 3);
    assert.equal(await subject.state(keyOf('thrice')), undefined);

    const inOrder = [...events];
    for (const event of inOrder) {
      await subject.stack.putEvent(event);
      await subject.stack.settled();
    }
    assert.equal(await subject.state(keyOf('thrice')), 'ready');
    const contents = await subject.tableContents();

    const again = [...events.toReversed(), ...events, ...events];
    await Promise.all(again.map((event) => subject.stack.putEvent(event)));
    await subject.stack.settled();
    assert.equal(await subject.tableContents(), contents);
    assert.deepEqual(await subject.stack.deadLetters(), []);
  });

  test('ignores what happens in other buckets', async () => {
    const received: S3Event[] = [];
    subject.stack.onEvent = (event) => void received.push(event);
    const bundles = subject.stack.environment.PODFREIGHT_BUNDLES_BUCKET;
    await subject.s3.send(new PutObjectCommand({ Bucket: bundles, Key: 'bundle.tar', Body: 'x' }));
    await subject.stack.settled();
    assert.deepEqual(received, []);
  });

  test('puts aside what the function fails on, when it has failed often enough', async () => {
    const event = { source: 'aws.s3', 'detail-type': 'Object Created', detail: { bucket: { name: subject.archives } } };
    await subject.stack.putEvent(event as S3Event);
    await subject.stack.settled();
    assert.deepEqual(await subject.stack.deadLetters(), [event]);
  });

  test('answers invocations of the bundle function, which finds its table and buckets', async () => {
    const { environment, endpoints } = subject.stack;
    const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
    const client = new LambdaClient({ endpoint: endpoints.lambda, region: 'us-east-1', credentials });
    const invoke = new InvokeCommand({ FunctionName: environment.PODFREIGHT_BUNDLE_FUNCTION, Payload: '{}' });
    const { StatusCode } = await client.send(invoke);
    assert.equal(StatusCode, 200);
    client.destroy();
  });
});

function folder(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'podfreight-stack-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('what was stored and catalogued is there after the next start, and what was not handled yet is handled', async (context) => {
  const dir = folder(context);
  const contents: string[] = [];
  {
    await using first = await start({ dir });
    await first.put(keyOf('handled'), ARCHIVE);
    await first.stack.settled();
    contents.push(...(await first.tableContents()).split('\n'));
    await first.put(keyOf('unhandled'), ARCHIVE);
  }
  await using second = await start({ dir });
  await second.stack.settled();
  const after = await second.tableContents();
  assert.deepEqual(
    contents.filter((item) => !after.includes(item)),
    [],
  );
  assert.equal(await second.state(keyOf('handled')), 'ready');
  assert.equal(await second.state(keyOf('unhandled')), 'ready');
});

test('two stacks can run side by side, but not on one folder or port', async (context) => {
  const dir = folder(context);
  await using first = await startStack({ dir });
  await using second = await startStack();
  assert.notEqual(first.endpoints.s3, second.endpoints.s3);

  await assert.rejects(startStack({ dir }), { code: 'busy' });
  for (const service of ['s3', 'dynamodb', 'sqs', 'lambda', 'cloudformation'] as const) {
    const port = Number(new URL(first.endpoints[service]).port);
    await assert.rejects(startStack({ ports: { [service]: port } }), {
      code: 'conflict',
      message: `Port ${port} of 127.0.0.1 is in use; stop what uses it or take another port.`,
    });
  }
});
