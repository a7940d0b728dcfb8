import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { PodfreightError } from '../../core/errors.ts';
import { OUTPUTS } from '../outputs.ts';
import { type Assembly, synthesise } from './assembly.ts';
import { createBuckets } from './buckets.ts';
import { startCloudFormation } from './cloudformation.ts';
import { createTables, startDynamoDb } from './dynamodb.ts';
import { startDynamoDbGate } from './dynamodb-gate.ts';
import { EventDelivery, type EventHook } from './event-delivery.ts';
import { EventJournal } from './event-journal.ts';
import { eventRules } from './event-rules.ts';
import { startPollers } from './event-sources.ts';
import { createFunctions, type LogLine } from './functions.ts';
import { startLambdaEndpoint } from './lambda-endpoint.ts';
import { createQueues, messageCount, peek, startSqs } from './queues.ts';
import { type S3Event, type S3Options, startS3 } from './s3/server.ts';
import { type Authorizer, type Credentials, type Principal, Sessions } from './sessions.ts';
import { ACCOUNT, REGION, type Template } from './template.ts';

/** Known to everybody: they keep nobody out, and 127.0.0.1 is where they are good for something. */
const EVERYBODY = { AWS_ACCESS_KEY_ID: 'PODFREIGHTLOCAL', AWS_SECRET_ACCESS_KEY: 'podfreight-local' };

/** The resource types of the template that mean something here. */
const EMULATED = [
  'AWS::S3::Bucket',
  'AWS::SQS::Queue',
  'AWS::DynamoDB::Table',
  'AWS::DynamoDB::GlobalTable',
  'AWS::Events::Rule',
  'AWS::Lambda::Function',
  'AWS::Lambda::EventSourceMapping',
];

const SETTLED_EVERY_MS = 10;
const MAX_LOG_LINES = 10_000;

export type Service = 's3' | 'dynamodb' | 'sqs' | 'lambda' | 'cloudformation';

export interface StackOptions {
  /** Where the data are kept from one start to the next. Without it they are in a temporary folder that goes with the stack. */
  readonly dir?: string;
  /** Without one, whichever is free. */
  readonly ports?: Readonly<Partial<Record<Service, number>>>;
  /** When an event that a function failed on is tried again: whole seconds, 1 by default, 0 for at once. */
  readonly retryAfterSeconds?: number;
  /** Receives what the functions write, as it comes; `functionLogs` has it too. */
  readonly onLog?: (line: LogLine) => void;
  /** Handed to the S3 endpoint as they are. */
  /**
   * Asked for every call to S3, DynamoDB and Lambda. Functions call in the name of their role, which is that of the
   * function without the stack's; whoever uses `environment`, in the name of `everybody`. Default: all may do everything.
   */
  readonly authorize?: Authorizer;
  readonly s3?: Pick<S3Options, 'faults' | 'onRequest' | 'authorize'>;
}

/** The embedded stack, up and running. */
export interface LocalStack extends AsyncDisposable {
  /** URLs on 127.0.0.1. */
  readonly endpoints: Readonly<Record<Service, string>>;
  /** What the command line and the SDK need to talk to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** What makes the command line call in the name of another, in place of `environment`'s. */
  credentialsOf(principal: Principal): Credentials;
  /** An output of the template. @throws PodfreightError `not-found` */
  output(name: string): string;
  /** The latest lines that the functions wrote. */
  readonly functionLogs: readonly LogLine[];
  /** Resource types of the template that have no effect here. */
  readonly notEmulated: readonly string[];
  /** What happens to S3's events on their way; delivers each once until it is set to something else. */
  onEvent: EventHook;
  /** Puts an event on the bus, past `onEvent`. */
  putEvent(event: S3Event): Promise<void>;
  /** Resolves when no event, message or invocation is under way. Failing messages count until they are put aside. */
  settled(): Promise<void>;
  /** The events put aside because a function failed on them too often. */
  deadLetters(): Promise<S3Event[]>;
  /** Stops everything. What was not handled yet comes again at the next start with the same `dir`. */
  close(): Promise<void>;
}

/**
 * Starts the embedded stack, provisioned from the synthesised template: a second, or some more when the sources changed
 * since the last time.
 * @throws PodfreightError `busy` when another one uses `dir`, `conflict` when `dir` was made by another version or a port
 *   is in use, `internal` when the app does not synthesise
 */
export async function startStack(options: StackOptions = {}): Promise<LocalStack> {
  const assembly = synthesise();
  const closing = new AsyncDisposableStack();
  try {
    return await start(assembly, options, closing);
  } catch (error) {
    await closing.disposeAsync();
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE') throw error;
    const message = `Port ${port} of 127.0.0.1 is in use; stop what uses it or take another port.`;
    throw new PodfreightError('conflict', message, { cause: error, subject: { port } });
  }
}

/** Everything started is entrusted to `closing`, which ends it in reverse order. */
async function start(assembly: Assembly, options: StackOptions, closing: AsyncDisposableStack): Promise<LocalStack> {
  const { template } = assembly;
  const { ports = {}, retryAfterSeconds = 1 } = options;
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'podfreight-local-'));
  mkdirSync(dir, { recursive: true });
  if (options.dir === undefined) closing.defer(() => rmSync(dir, { recursive: true, force: true }));

  const journal = new EventJournal(join(dir, 'events.sqlite'));
  closing.defer(() => journal.close());
  const sessions = new Sessions();
  sessions.add({ name: 'everybody' }, EVERYBODY);
  const { authorize } = options;
  const gate = authorize && sessions.gate(authorize);

  const behind = await startDynamoDb({ path: join(dir, 'dynamodb'), ...(gate ? {} : port(ports.dynamodb)) });
  closing.defer(() => behind.close());
  const dynamodb = gate ? await startDynamoDbGate(behind, gate, ports.dynamodb) : behind;
  if (gate) closing.defer(() => dynamodb.close());
  const sqs = await startSqs({ ...port(ports.sqs), onMoved: (id, to) => journal.move(id, to) });
  closing.defer(() => sqs.close());

  const credentials = {
    accessKeyId: EVERYBODY.AWS_ACCESS_KEY_ID,
    secretAccessKey: EVERYBODY.AWS_SECRET_ACCESS_KEY,
  };
  const client = { region: REGION, credentials };
  const sqsClient = new SQSClient({ ...client, endpoint: sqs.url });
  closing.defer(() => sqsClient.destroy());
  const queues = await createQueues(sqsClient, template);
  const delivery = new EventDelivery(sqsClient, eventRules(template), queues, journal);

  const s3 = await startS3({
    ...(gate && { authorize: ({ accessKeyId, ...call }) => gate(accessKeyId, call) }),
    ...options.s3,
    dir: join(dir, 's3'),
    credentials: sessions.secrets,
    region: REGION,
    accountId: ACCOUNT,
    ...port(ports.s3),
    onEvent: (event) => delivery.accept(event),
  });
  closing.defer(() => s3.close());

  const s3Client = new S3Client({ ...client, endpoint: s3.url, forcePathStyle: true });
  const dynamoDbClient = new DynamoDBClient({ ...client, endpoint: behind.url });
  await Promise.all([createBuckets(s3Client, template), createTables(dynamoDbClient, template)]);
  s3Client.destroy();
  dynamoDbClient.destroy();

  const sdkVariables = {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
    AWS_ENDPOINT_URL_SQS: sqs.url,
    ...EVERYBODY,
    AWS_REGION: REGION,
  };
  const functionLogs: LogLine[] = [];
  const variables = (functionName: string) => ({
    ...sdkVariables,
    ...sessions.add({ name: functionName.replace(`${template.stackName}-`, '') }),
  });
  const functions = createFunctions(assembly, variables, (line) => {
    functionLogs.push(line);
    if (functionLogs.length > MAX_LOG_LINES) functionLogs.shift();
    options.onLog?.(line);
  });
  const lambda = await startLambdaEndpoint(functions, { ...port(ports.lambda), ...(gate && { gate }) });
  closing.defer(() => lambda.close());
  const cloudformation = await startCloudFormation(template, ports.cloudformation);
  closing.defer(() => cloudformation.close());
  const pollers = startPollers(sqsClient, template, queues, functions, { retryAfterSeconds, journal });
  closing.defer(async () => {
    const stopped = pollers.map((poller) => poller.close());
    await Promise.all(functions.map((one) => one.close()));
    await Promise.all(stopped);
  });
  await delivery.resume();

  const deadLetterArns = new Set([...queues.values()].map(({ deadLetterArn }) => deadLetterArn));
  const working = [...queues.values()].filter(({ arn }) => !deadLetterArns.has(arn));
  const aside = [...queues.values()].filter(({ arn }) => deadLetterArns.has(arn));

  async function isIdle(): Promise<boolean> {
    const busy = () => delivery.underWay > 0 || functions.some(({ running }) => running > 0);
    if (busy()) return false;
    const counts = await Promise.all(working.map((queue) => messageCount(sqsClient, queue)));
    return counts.every((count) => count === 0) && !busy();
  }

  const close = () => closing.disposeAsync();
  return {
    endpoints: {
      ...{ s3: s3.url, dynamodb: dynamodb.url, sqs: sqs.url, lambda: lambda.url },
      cloudformation: cloudformation.url,
    },
    environment: {
      ...sdkVariables,
      AWS_ENDPOINT_URL_LAMBDA: lambda.url,
      AWS_ENDPOINT_URL_CLOUDFORMATION: cloudformation.url,
      ...outputs(template),
    },
    credentialsOf: (principal) => sessions.add(principal),
    output: (name) => template.output(name),
    functionLogs,
    notEmulated: template.typesOtherThan(EMULATED),
    get onEvent() {
      return delivery.hook;
    },
    set onEvent(hook) {
      delivery.hook = hook;
    },
    putEvent: (event) => delivery.deliver(event),
    settled: async () => {
      // S3 hands on an event in the turn after the one that answers the request.
      do await sleep(SETTLED_EVERY_MS);
      while (!(await isIdle()));
    },
    deadLetters: async () => {
      const bodies = await Promise.all(aside.map((queue) => peek(sqsClient, queue)));
      return bodies.flat().map((body) => JSON.parse(body) as S3Event);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function port(port: number | undefined): { port?: number } {
  return port === undefined ? {} : { port };
}

function outputs(template: Template): Record<string, string> {
  return Object.fromEntries(Object.entries(OUTPUTS).map(([name, variable]) => [variable, template.output(name)]));
}
