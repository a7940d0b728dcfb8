import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { OUTPUTS } from '../outputs.ts';
import type { Assembly } from './assembly.ts';
import { createBuckets } from './buckets.ts';
import { startCloudFormation } from './cloudformation.ts';
import type { Endpoint } from './endpoint.ts';
import { EventDelivery } from './event-delivery.ts';
import { EventJournal } from './event-journal.ts';
import { eventRules } from './event-rules.ts';
import { startPollers } from './event-sources.ts';
import { createFunctions, type LogLine } from './functions.ts';
import { startLambdaEndpoint } from './lambda-endpoint.ts';
import type { LambdaFunction } from './lambda-function.ts';
import { createQueues, type LocalQueue, messageCount, peek, startSqs } from './queues.ts';
import { type S3Endpoint, type S3Event, type S3Options, startS3 } from './s3/server.ts';
import type { Gate, Sessions } from './sessions.ts';
import { ACCOUNT } from './template.ts';

/** Known to everybody: they keep nobody out, and 127.0.0.1 is where they are good for something. */
export const EVERYBODY = { AWS_ACCESS_KEY_ID: 'PODFREIGHTLOCAL', AWS_SECRET_ACCESS_KEY: 'podfreight-local' };

const CREDENTIALS = {
  accessKeyId: EVERYBODY.AWS_ACCESS_KEY_ID,
  secretAccessKey: EVERYBODY.AWS_SECRET_ACCESS_KEY,
};

export type RegionService = 's3' | 'sqs' | 'lambda' | 'cloudformation';

export interface RegionOptions {
  readonly assembly: Assembly;
  /** Where the data are kept. */
  readonly dir: string;
  readonly ports: Readonly<Partial<Record<RegionService, number>>>;
  readonly retryAfterSeconds: number;
  readonly onLog: (line: LogLine) => void;
  readonly sessions: Sessions;
  readonly gate: Gate | undefined;
  readonly s3: Pick<S3Options, 'faults' | 'onRequest' | 'authorize' | 'peers'>;
  /** Gets all that is started, and ends it in reverse order. */
  readonly closing: AsyncDisposableStack;
}

/** What the embedded stack has in one region: all but the table, which the regions share. */
export class LocalRegion {
  readonly name: string;
  readonly s3: S3Endpoint;
  readonly delivery: EventDelivery;
  /** What the SDK needs to reach it, without the table, the functions and the stack. */
  readonly variables: Readonly<Record<string, string>>;
  /** Everybody's. */
  readonly credentials = CREDENTIALS;
  readonly #options: RegionOptions;
  readonly #sqs: Endpoint;
  readonly #sqsClient: SQSClient;
  readonly #queues: ReadonlyMap<string, LocalQueue>;
  readonly #journal: EventJournal;
  #functions: readonly LambdaFunction[] = [];
  #lambda: Endpoint | undefined;
  #cloudformation: Endpoint | undefined;
  #environment: Readonly<Record<string, string>> = {};

  private constructor(
    options: RegionOptions,
    parts: Pick<LocalRegion, 's3' | 'delivery'> & {
      sqs: Endpoint;
      sqsClient: SQSClient;
      queues: ReadonlyMap<string, LocalQueue>;
      journal: EventJournal;
    },
  ) {
    this.name = options.assembly.template.region;
    this.s3 = parts.s3;
    this.delivery = parts.delivery;
    this.variables = {
      AWS_ENDPOINT_URL_S3: parts.s3.url,
      AWS_ENDPOINT_URL_SQS: parts.sqs.url,
      ...EVERYBODY,
      AWS_REGION: this.name,
    };
    this.#options = options;
    this.#sqs = parts.sqs;
    this.#sqsClient = parts.sqsClient;
    this.#queues = parts.queues;
    this.#journal = parts.journal;
  }

  /** Buckets, and their events' way into queues. */
  static async open(options: RegionOptions): Promise<LocalRegion> {
    const { dir, ports, sessions, gate, closing } = options;
    const { template } = options.assembly;
    const { region } = template;
    mkdirSync(dir, { recursive: true });
    const journal = new EventJournal(join(dir, 'events.sqlite'));
    closing.defer(() => journal.close());
    const sqs = await startSqs({ ...port(ports.sqs), region, onMoved: (id, to) => journal.move(id, to) });
    closing.defer(() => sqs.close());
    const client = { region, credentials: CREDENTIALS };
    const sqsClient = new SQSClient({ ...client, endpoint: sqs.url });
    closing.defer(() => sqsClient.destroy());
    const queues = await createQueues(sqsClient, template);
    const delivery = new EventDelivery(sqsClient, eventRules(template), queues, journal);
    const s3 = await startS3({
      ...(gate && { authorize: ({ accessKeyId, ...call }) => gate(accessKeyId, call) }),
      ...options.s3,
      dir: join(dir, 's3'),
      credentials: sessions.secrets,
      region,
      accountId: ACCOUNT,
      ...port(ports.s3),
      onEvent: (event) => delivery.accept(event),
    });
    closing.defer(() => s3.close());
    const s3Client = new S3Client({ ...client, endpoint: s3.url, forcePathStyle: true });
    await createBuckets(s3Client, template);
    s3Client.destroy();
    return new LocalRegion(options, { s3, delivery, sqs, sqsClient, queues, journal });
  }

  /** The functions, and what wakes them. @param shared variables for all of them */
  async serve(shared: Readonly<Record<string, string>>): Promise<void> {
    const { assembly, ports, sessions, gate, onLog, retryAfterSeconds, closing } = this.#options;
    const variables = (functionName: string) => ({
      ...this.variables,
      ...shared,
      ...sessions.add({ name: functionName.replace(`${assembly.template.stackName}-`, '') }),
    });
    const functions = createFunctions(assembly, variables, onLog);
    this.#functions = functions;
    const lambda = await startLambdaEndpoint(functions, { ...port(ports.lambda), ...(gate && { gate }) });
    closing.defer(() => lambda.close());
    this.#lambda = lambda;
    const settings = { retryAfterSeconds, journal: this.#journal };
    const pollers = startPollers(this.#sqsClient, assembly.template, this.#queues, functions, settings);
    closing.defer(async () => {
      const stopped = pollers.map((poller) => poller.close());
      await Promise.all(functions.map((one) => one.close()));
      await Promise.all(stopped);
    });
    await this.delivery.resume();
  }

  /** The stack's outputs. @param others in the place of what the template says, by variable */
  async describe(others: Readonly<Record<string, string>>, shared: Readonly<Record<string, string>>): Promise<void> {
    const { assembly, ports, closing } = this.#options;
    const { template } = assembly;
    const outputs = Object.entries(OUTPUTS).map(([name, variable]) => {
      return { name, value: others[variable] ?? template.output(name), description: variable };
    });
    const cloudformation = await startCloudFormation(template, outputs, ports.cloudformation);
    closing.defer(() => cloudformation.close());
    this.#cloudformation = cloudformation;
    this.#environment = {
      ...this.variables,
      ...shared,
      AWS_ENDPOINT_URL_LAMBDA: this.endpoints.lambda,
      AWS_ENDPOINT_URL_CLOUDFORMATION: cloudformation.url,
      ...Object.fromEntries(outputs.map(({ description, value }) => [description, value])),
    };
  }

  /** URLs on 127.0.0.1. */
  get endpoints(): Readonly<Record<RegionService, string>> {
    return {
      s3: this.s3.url,
      sqs: this.#sqs.url,
      lambda: this.#lambda?.url ?? '',
      cloudformation: this.#cloudformation?.url ?? '',
    };
  }

  /** What the command line and the SDK need to talk to it. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  async isIdle(): Promise<boolean> {
    if (this.#isBusy()) return false;
    const counts = await Promise.all(this.#queuesThat(false).map((queue) => messageCount(this.#sqsClient, queue)));
    return counts.every((count) => count === 0) && !this.#isBusy();
  }

  async deadLetters(): Promise<S3Event[]> {
    const bodies = await Promise.all(this.#queuesThat(true).map((queue) => peek(this.#sqsClient, queue)));
    return bodies.flat().map((body) => JSON.parse(body) as S3Event);
  }

  #isBusy(): boolean {
    return this.delivery.underWay > 0 || this.#functions.some(({ running }) => running > 0);
  }

  #queuesThat(areForDeadLetters: boolean): LocalQueue[] {
    const queues = [...this.#queues.values()];
    const deadLetterArns = new Set(queues.map(({ deadLetterArn }) => deadLetterArn));
    return queues.filter(({ arn }) => deadLetterArns.has(arn) === areForDeadLetters);
  }
}

function port(port: number | undefined): { port?: number } {
  return port === undefined ? {} : { port };
}
