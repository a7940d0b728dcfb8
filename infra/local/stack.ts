import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PodfreightError } from '../../core/errors.ts';
import { parseRegions, type Region } from '../../core/regions.ts';
import { OUTPUTS } from '../outputs.ts';
import { type Assembly, synthesise } from './assembly.ts';
import { createTables, startDynamoDb } from './dynamodb.ts';
import { startDynamoDbGate } from './dynamodb-gate.ts';
import type { EventHook } from './event-delivery.ts';
import type { LogLine } from './functions.ts';
import { EVERYBODY, LocalRegion } from './region.ts';
import type { S3Event, S3Options } from './s3/server.ts';
import { type Authorizer, type Credentials, type Principal, Sessions } from './sessions.ts';

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
  /** One of each, the first being the primary one. Without any: one, as a stack is that was not told its region. */
  readonly regions?: readonly string[];
  /** Where the data are kept from one start to the next. Without it they are in a temporary folder that goes with the stack. */
  readonly dir?: string;
  /** Without one, whichever is free. In each further region the same, five further on; DynamoDB is there once. */
  readonly ports?: Readonly<Partial<Record<Service, number>>>;
  /** When an event that a function failed on is tried again: whole seconds, 1 by default, 0 for at once. */
  readonly retryAfterSeconds?: number;
  /** Receives what the functions write, as it comes; `functionLogs` has it too. */
  readonly onLog?: (line: LogLine) => void;
  /**
   * Asked for every call to S3, DynamoDB and Lambda. Functions call in the name of their role, which is that of the
   * function without the stack's; whoever uses `environment`, in the name of `everybody`. Default: all may do everything.
   */
  readonly authorize?: Authorizer;
  /** Handed to the S3 endpoints as they are. */
  readonly s3?: Pick<S3Options, 'faults' | 'onRequest' | 'authorize'>;
}

/** The embedded stack, up and running. */
export interface LocalStack extends AsyncDisposable {
  /** URLs on 127.0.0.1; of the primary region. */
  readonly endpoints: Readonly<Record<Service, string>>;
  /** What the command line and the SDK need to talk to it from the primary region. */
  readonly environment: Readonly<Record<string, string>>;
  /** The primary one first. */
  readonly regions: readonly LocalRegion[];
  /** What makes the command line call in the name of another, in place of `environment`'s. */
  credentialsOf(principal: Principal): Credentials;
  /** An output of the primary region's template. @throws PodfreightError `not-found` */
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
  const assemblies = synthesise(options.regions);
  const closing = new AsyncDisposableStack();
  try {
    return await start(assemblies, options, closing);
  } catch (error) {
    await closing.disposeAsync();
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE') throw error;
    const message = `Port ${port} of 127.0.0.1 is in use; stop what uses it or take another port.`;
    throw new PodfreightError('conflict', message, { cause: error, subject: { port } });
  }
}

/** Everything started is entrusted to `closing`, which ends it in reverse order. */
async function start(
  assemblies: [primary: Assembly, ...others: Assembly[]],
  options: StackOptions,
  closing: AsyncDisposableStack,
): Promise<LocalStack> {
  const [{ template }] = assemblies;
  const { ports = {}, retryAfterSeconds = 1 } = options;
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'podfreight-local-'));
  if (options.dir === undefined) closing.defer(() => rmSync(dir, { recursive: true, force: true }));

  const sessions = new Sessions();
  sessions.add({ name: 'everybody' }, EVERYBODY);
  const { authorize } = options;
  const gate = authorize && sessions.gate(authorize);

  const functionLogs: LogLine[] = [];
  const onLog = (line: LogLine) => {
    functionLogs.push(line);
    if (functionLogs.length > MAX_LOG_LINES) functionLogs.shift();
    options.onLog?.(line);
  };
  const regions: LocalRegion[] = [];
  for (const [i, assembly] of assemblies.entries()) {
    const region = await LocalRegion.open({
      assembly,
      dir: i === 0 ? dir : join(dir, assembly.template.region),
      ports: portsOf(ports, i),
      retryAfterSeconds,
      onLog,
      sessions,
      gate,
      s3: {
        ...options.s3,
        peers: () => regions.filter(({ name }) => name !== assembly.template.region).map(({ s3 }) => s3),
      },
      closing,
    });
    regions.push(region);
  }
  const [primary] = regions as [LocalRegion, ...LocalRegion[]];

  const isOpen = gate === undefined && ports.dynamodb !== undefined;
  const behind = await startDynamoDb({ path: join(dir, 'dynamodb'), ...(isOpen && { port: ports.dynamodb! }) });
  closing.defer(() => behind.close());
  const dynamodb = gate ? await startDynamoDbGate(behind, gate, ports.dynamodb) : behind;
  if (gate) closing.defer(() => dynamodb.close());
  const client = new DynamoDBClient({ region: primary.name, credentials: primary.credentials, endpoint: behind.url });
  await createTables(client, template);
  client.destroy();

  const shared = { AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url };
  const toFunctions = { ...shared, ...regionsVariable(assemblies[0], regions) };
  await Promise.all(regions.map((region) => region.serve(toFunctions)));
  const toPeople = regionsVariable(assemblies[0], regions);
  await Promise.all(regions.map((region) => region.describe(toPeople, shared)));

  let hook: EventHook = (event, deliver) => void deliver(event);
  const isIdle = async () => (await Promise.all(regions.map((region) => region.isIdle()))).every((idle) => idle);
  const close = () => closing.disposeAsync();
  return {
    endpoints: { ...primary.endpoints, dynamodb: dynamodb.url },
    environment: primary.environment,
    regions,
    credentialsOf: (principal) => sessions.add(principal),
    output: (name) => template.output(name),
    functionLogs,
    notEmulated: template.typesOtherThan(EMULATED),
    get onEvent() {
      return hook;
    },
    set onEvent(wanted) {
      hook = wanted;
      for (const { delivery } of regions) delivery.hook = wanted;
    },
    putEvent: async (event) => {
      const { delivery } = regions.find(({ name }) => name === event.region) ?? primary;
      await delivery.deliver(event);
    },
    settled: async () => {
      // S3 hands on an event in the turn after the one that answers the request.
      do await sleep(SETTLED_EVERY_MS);
      while (!(await isIdle()));
    },
    deadLetters: async () => (await Promise.all(regions.map((region) => region.deadLetters()))).flat(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const SERVICES_OF_A_REGION = 5;

function portsOf(ports: NonNullable<StackOptions['ports']>, nth: number): NonNullable<StackOptions['ports']> {
  const further = Object.entries(ports).map(([service, port]) => [service, port + nth * SERVICES_OF_A_REGION]);
  return Object.fromEntries(further);
}

/** With several regions, what the templates say of them and the endpoints, of which they know nothing. */
function regionsVariable({ template }: Assembly, regions: readonly LocalRegion[]): Record<string, string> {
  if (regions.length === 1) return {};
  const known = parseRegions(template.output('Regions'), 'The output Regions');
  const withEndpoints = regions.map(({ name, endpoints: { s3, lambda } }): [string, Region] => [
    name,
    { ...known.get(name)!, s3Endpoint: s3, ...(lambda && { lambdaEndpoint: lambda }) },
  ]);
  return { [OUTPUTS.Regions]: JSON.stringify(Object.fromEntries(withEndpoints)) };
}
