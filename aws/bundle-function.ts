import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type {
  BundleAnswer,
  BundleEffort,
  BundleForecast,
  BundleProgress,
  BundleRequest,
  BundleResult,
} from '../core/bundle/request.ts';
import { PodfreightError } from '../core/errors.ts';
import { errorFromRemote } from '../core/remote-error.ts';
import { awsError } from './errors.ts';
import { lambdaClient } from './lambda-client.ts';

/** Unfinished answers in a row that tell of nothing new. */
const IDLE_ANSWERS_MAX = 3;

export interface InvokeOptions {
  /** Stops the waiting; the function goes on until it answers. What it did is kept for who asks the same again. */
  readonly signal?: AbortSignal;
  /** After each answer that is not the last. */
  readonly onProgress?: (progress: BundleProgress) => void;
  readonly client?: LambdaClient;
  /** Where the function is, for messages. */
  readonly region?: string;
}

/**
 * Asks the deployed bundle function for a bundle, and again as long as it answers that it has not finished.
 * @returns what it made, with the effort of all invocations; with `dryRun` what it would make
 * @throws PodfreightError what the function threw, and `not-found` when there is no such function, `no-credentials`,
 *   `access-denied`, `unreachable`, `service`
 */
export async function requestBundle(
  functionName: string,
  request: BundleRequest,
  { signal, onProgress, client = lambdaClient(), region }: InvokeOptions = {},
): Promise<BundleResult | BundleForecast> {
  const what = `function ${functionName}${region === undefined ? '' : ` in ${region}`}`;
  const lambda = { client, functionName, what };
  let asked = request;
  let effort: BundleEffort | undefined;
  let last: BundleProgress | undefined;
  for (let idle = 0; idle < IDLE_ANSWERS_MAX; ) {
    const answer = await invoke(lambda, asked, signal);
    effort = effort === undefined ? effortOf(answer) : sum(effort, effortOf(answer));
    if (answer.state !== 'unfinished') return { ...answer, ...effort };

    idle = isFurther(answer.progress, last) ? 0 : idle + 1;
    last = answer.progress;
    onProgress?.(last);
    asked = { ...request, asOf: answer.asOf };
  }
  throw new PodfreightError('service', `The ${what} makes no progress with the bundle; see its log.`);
}

async function invoke(
  { client, functionName, what }: { client: LambdaClient; functionName: string; what: string },
  request: BundleRequest,
  signal: AbortSignal | undefined,
): Promise<BundleAnswer> {
  const answer = await client
    .send(new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(request)) }), {
      ...(signal && { abortSignal: signal }),
    })
    .catch((error) => {
      throw awsError(error, what);
    });
  const payload = Buffer.from(answer.Payload ?? []).toString();
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch (cause) {
    throw new PodfreightError('service', `The ${what} answered with something that is not JSON; see its log.`, {
      cause,
    });
  }
  if (answer.FunctionError !== undefined) throw errorFromRemote(value, what);
  return value as BundleAnswer;
}

function isFurther(progress: BundleProgress, last: BundleProgress | undefined): boolean {
  return last === undefined || progress.step !== last.step || progress.doneBytes > last.doneBytes;
}

function effortOf({ requests, bytesCopied, bytesThrough, rewritten }: BundleEffort): BundleEffort {
  return { requests, bytesCopied, bytesThrough, rewritten };
}

function sum(a: BundleEffort, b: BundleEffort): BundleEffort {
  const rewritten = new Map(a.rewritten.map((one) => [one.archive, one]));
  for (const one of b.rewritten) {
    const { bytesRead = 0, bytesWritten = 0 } = rewritten.get(one.archive) ?? {};
    const sums = { bytesRead: bytesRead + one.bytesRead, bytesWritten: bytesWritten + one.bytesWritten };
    rewritten.set(one.archive, { ...one, ...sums });
  }
  return {
    requests: { s3: a.requests.s3 + b.requests.s3, dynamodb: a.requests.dynamodb + b.requests.dynamodb },
    bytesCopied: a.bytesCopied + b.bytesCopied,
    bytesThrough: a.bytesThrough + b.bytesThrough,
    rewritten: [...rewritten.values()],
  };
}
