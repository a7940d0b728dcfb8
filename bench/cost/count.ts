import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type AttributeValue, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CATALOGUE_TABLE } from '../../core/catalogue/table.ts';
import { withoutRepeats } from '../../infra/local/s3/repeats.ts';
import type { RequestRecord } from '../../infra/local/s3/server.ts';
import type { Call } from '../../infra/local/sessions.ts';
import { type LocalStack, startStack } from '../../infra/local/stack.ts';
import { readCorpus } from '../inputs/corpus.ts';
import { podSpecs, writePods } from '../inputs/pods.ts';

const MiB = 1024 ** 2;
export const LARGE_BYTES = 256 * MiB;
export const SMALL_BYTES = MiB;

const PROGRAM = join(import.meta.dirname, '../../cli/podfreight.js');

/** What AWS would charge for one step of the main job. */
export interface Counts {
  /** PUT, COPY, POST, LIST. */
  readonly s3Put: number;
  /** GET, HEAD. */
  readonly s3Get: number;
  readonly dynamodbWrite: number;
  readonly dynamodbRead: number;
  readonly invocations: number;
}

/** The main job, counted step by step on the embedded stack. */
export interface Counted {
  readonly pushSmall: Counts;
  readonly pushLarge: Counts;
  readonly catalogue: Counts;
  readonly bundle: Counts;
  readonly pullBundle: Counts;
  readonly pullPods: Counts;
  /** Of the small and the large archive, in S3. */
  readonly smallBytes: number;
  readonly largeBytes: number;
  readonly bundleBytes: number;
}

export async function count(): Promise<Counted> {
  const folder = await mkdtemp(join(tmpdir(), 'podfreight-cost-'));
  try {
    return await countIn(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function countIn(folder: string): Promise<Counted> {
  const meter = new Meter();
  await using stack = await startStack({
    authorize: (call) => meter.call(call),
    s3: { onRequest: (record) => meter.request(record) },
  });
  meter.accessKeyId = stack.environment.AWS_ACCESS_KEY_ID ?? '';
  await using table = new Table(stack);
  const run = async (...args: string[]) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env.PATH, ...stack.environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
    if (child.exitCode !== 0) throw new Error(`podfreight ${args.join(' ')} ended with ${child.exitCode}`);
    return output;
  };
  const step = async (...args: string[]) => {
    meter.reset();
    const output = await run(...args);
    return { output, counts: { ...meter.clients(), dynamodbWrite: 0 } };
  };
  const corpus = await readCorpus();
  const push = async (node: string, sizeBytes: number) => {
    const directory = join(folder, node);
    await writePods(directory, podSpecs(node, 1, sizeBytes), corpus);
    const { counts } = await step('push', directory, '--node', node);
    await stack.settled();
    return counts;
  };

  const pushSmall = await push('small', SMALL_BYTES);
  await table.newWrites();
  const pushLarge = await push('large-a', LARGE_BYTES);
  const catalogue = { ...meter.functions(), dynamodbWrite: await table.newWrites() };
  await push('large-b', LARGE_BYTES);
  await table.newWrites();

  const pods = ['--pod', 'bench/large-a-0', '--pod', 'bench/large-b-0'];
  const { output, counts } = await step('bundle', ...pods, '--quiet');
  const bundleId = output.trim();
  const made = meter.functions();
  const bundle = { ...made, invocations: counts.invocations, dynamodbWrite: await table.newWrites() };
  const pullBundle = (await step('pull', bundleId, '-t', join(folder, 'c'))).counts;
  const pullPods = (await step('pull', ...pods, '-t', join(folder, 'd'))).counts;
  const [smallBytes, largeBytes, bundleBytes] = await Promise.all([
    sizeOf(stack, 'PODFREIGHT_ARCHIVES_BUCKET', 'default/small/'),
    sizeOf(stack, 'PODFREIGHT_ARCHIVES_BUCKET', 'default/large-a/'),
    sizeOf(stack, 'PODFREIGHT_BUNDLES_BUCKET', bundleId),
  ]);
  return { pushSmall, pushLarge, catalogue, bundle, pullBundle, pullPods, smallBytes, largeBytes, bundleBytes };
}

const IS_GET = /^(Get|Head)/;
const IS_FREE = /^(Delete|Abort)/;

/** Who asked for what since the last reset: the command line's calls apart from the functions'. */
class Meter {
  /** Of the command line. */
  accessKeyId = '';
  #counts = { clients: zero(), functions: zero() };
  #requests: RequestRecord[] = [];

  reset(): void {
    this.#counts = { clients: zero(), functions: zero() };
    this.#requests = [];
  }

  clients(): Omit<Counts, 'dynamodbWrite'> {
    return { ...this.#counts.clients, ...this.#s3((accessKeyId) => accessKeyId === this.accessKeyId) };
  }

  functions(): Omit<Counts, 'dynamodbWrite'> {
    return { ...this.#counts.functions, ...this.#s3((accessKeyId) => accessKeyId !== this.accessKeyId) };
  }

  /** What S3 is asked, `request` counts. */
  call({ principal, action, resource }: Call): boolean {
    const counts = this.#counts[principal.name === 'everybody' ? 'clients' : 'functions'];
    // Half a unit each, where it need not be consistent: from indexes.
    if (/^dynamodb:(GetItem|Query)$/.test(action)) counts.dynamodbRead += resource.includes('/index/') ? 0.5 : 1;
    if (action === 'lambda:InvokeFunction') counts.invocations += 1;
    return true;
  }

  request(record: RequestRecord): void {
    this.#requests.push(record);
  }

  #s3(isTheirs: (accessKeyId: string | undefined) => boolean): Pick<Counts, 's3Get' | 's3Put'> {
    const theirs = withoutRepeats(this.#requests).filter(({ accessKeyId }) => isTheirs(accessKeyId));
    const gets = theirs.filter(({ operation }) => IS_GET.test(operation));
    return {
      s3Get: gets.length,
      s3Put: theirs.filter(({ operation }) => !IS_FREE.test(operation)).length - gets.length,
    };
  }
}

function zero() {
  return { dynamodbRead: 0, invocations: 0 };
}

/** What was written to the table: a unit for each KB of an item, and as many for each index it is in. */
class Table implements AsyncDisposable {
  readonly #client: DynamoDBClient;
  readonly #name: string;
  readonly #seen = new Set<string>();

  constructor({ endpoints, environment }: LocalStack) {
    this.#client = new DynamoDBClient({ endpoint: endpoints.dynamodb, ...credentialsIn(environment) });
    this.#name = environment.PODFREIGHT_TABLE ?? '';
  }

  /** Units of the items since the last time. */
  async newWrites(): Promise<number> {
    const { Items = [] } = await this.#client.send(new ScanCommand({ TableName: this.#name }));
    let units = 0;
    for (const item of Items) {
      const key = JSON.stringify([item.pk, item.sk]);
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      const indexes = CATALOGUE_TABLE.indexes.filter(({ partitionKey }) => item[partitionKey] !== undefined);
      units += Math.ceil(itemBytes(item) / 1024) * (1 + indexes.length);
    }
    return units;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }
}

/** As DynamoDB counts. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
function itemBytes(item: Readonly<Record<string, AttributeValue>>): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);
}

function valueBytes({ S, N, L, M }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S);
  if (N !== undefined) return Math.ceil(N.length / 2) + 1;
  if (L !== undefined) return L.reduce((sum, element) => sum + 1 + valueBytes(element), 3);
  if (M !== undefined) return 3 + Object.keys(M).length + itemBytes(M);
  return 1;
}

async function sizeOf({ endpoints, environment }: LocalStack, bucketVariable: string, prefix: string): Promise<number> {
  const s3 = new S3Client({ endpoint: endpoints.s3, forcePathStyle: true, ...credentialsIn(environment) });
  const Bucket = environment[bucketVariable];
  const { Contents: [object] = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
  const { ContentLength = 0 } = await s3.send(new HeadObjectCommand({ Bucket, Key: object?.Key }));
  s3.destroy();
  return ContentLength;
}

function credentialsIn(environment: LocalStack['environment']) {
  const accessKeyId = environment.AWS_ACCESS_KEY_ID ?? '';
  const secretAccessKey = environment.AWS_SECRET_ACCESS_KEY ?? '';
  return { region: environment.AWS_REGION ?? '', credentials: { accessKeyId, secretAccessKey } };
}
