import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { REGION } from './template.ts';

/** To start up before it is killed. Lambda gives 10 s, but there nothing else is in the way of that. */
const INIT_TIMEOUT_MS = 60_000;
/** What an answer may measure. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_ANSWER_BYTES = 6 * 1024 * 1024;

const RUNTIME_PATH =
  /^\/2018-06-01\/runtime\/(?:invocation\/(?<id>[^/]+)\/(?<outcome>response|error)|(?<init>init\/error)|invocation\/(?<next>next))$/;

/** Which process asks for an invocation: what one has asked may be heard when it is dead, and another one runs. */
const PROCESS = 'podfreight-process';

const STAND_IN_FOR_ADDON = new URL('./runtime-client.mjs', import.meta.url).href;

export interface FunctionSettings {
  readonly name: string;
  readonly arn: string;
  /** The folder of the bundle. */
  readonly codeFolder: string;
  /** `index.handler` */
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMiB: number;
  readonly logFormat: string;
  readonly variables: Readonly<Record<string, string>>;
}

export interface Invocation {
  readonly requestId: string;
  /** JSON */
  readonly payload: string;
}

/** What came of an invocation: the handler's answer, or an error in Lambda's form. Both are JSON. */
export interface Outcome {
  readonly failed: boolean;
  readonly payload: string;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * One execution environment: a process that runs the function's bundle under AWS's own runtime client, and the Runtime
 * API that the client talks to. Handles one invocation at a time. The process starts with the first one and is started
 * anew after a timeout or a crash.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export class RuntimeEnvironment {
  readonly #settings: FunctionSettings;
  readonly #log: (line: string) => void;
  readonly #server: Server;
  #child: Child | undefined;
  #current: { invocation: Invocation; settle: (outcome: Outcome) => void; timer: NodeJS.Timeout } | undefined;
  /** The client's request for the next invocation, held until there is one. */
  #waiting: ServerResponse | undefined;
  #closed = false;

  private constructor(settings: FunctionSettings, log: (line: string) => void) {
    this.#settings = settings;
    this.#log = log;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  /** @param log receives each line that the function writes */
  static async open(settings: FunctionSettings, log: (line: string) => void): Promise<RuntimeEnvironment> {
    const environment = new RuntimeEnvironment(settings, log);
    environment.#server.listen(0, '127.0.0.1');
    await once(environment.#server, 'listening');
    return environment;
  }

  /** Never rejects: whatever befalls the process is the outcome. Not to be called again before it settles. */
  async invoke(invocation: Invocation): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const settle = (outcome: Outcome): void => {
      clearTimeout(this.#current?.timer);
      this.#current = undefined;
      resolve(outcome);
    };
    const timer = setTimeout(() => this.#timeOut('Init', INIT_TIMEOUT_MS), INIT_TIMEOUT_MS);
    this.#current = { invocation, settle, timer };
    if (this.#closed) this.#fail('Runtime.ExitError', 'Error: the embedded stack is closed');
    else if (!this.#child) this.#start();
    this.#deliver();
    return await promise;
  }

  /** Ends the process first: its client would complain loudly about a server that is gone. What is under way fails. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#kill();
    this.#fail('Runtime.ExitError', 'Error: the embedded stack was closed');
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = RUNTIME_PATH.exec(request.url ?? '')?.groups;
    if (path?.next) {
      if (request.headers[PROCESS] !== String(this.#child?.pid)) return void response.destroy();
      this.#waiting = response;
      this.#deliver();
      return;
    }
    const body = await text(request);
    const known = path?.init !== undefined || (this.#current && path?.id === this.#current.invocation.requestId);
    response.writeHead(known ? 202 : 400, { 'content-type': 'application/json' });
    response.end(known ? '{"status":"OK"}' : '{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}');
    if (!known) return;
    if (path?.init !== undefined) await this.#kill();
    if (path?.outcome === 'response' && Buffer.byteLength(body) > MAX_ANSWER_BYTES) {
      this.#fail('Function.ResponseSizeTooLarge', `Response payload size exceeded ${MAX_ANSWER_BYTES} bytes.`);
    } else {
      this.#current?.settle({ failed: path?.outcome !== 'response', payload: body || 'null' });
    }
  }

  /** Gives the invocation to the client, when there are both. From then on the function's timeout runs. */
  #deliver(): void {
    const { timeoutMs, arn } = this.#settings;
    if (!this.#waiting || !this.#current) return;
    const { invocation, timer } = this.#current;
    clearTimeout(timer);
    this.#current.timer = setTimeout(() => this.#timeOut('Task', timeoutMs), timeoutMs);
    this.#waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.requestId,
      'lambda-runtime-deadline-ms': Date.now() + timeoutMs,
      'lambda-runtime-invoked-function-arn': arn,
    });
    this.#waiting.end(invocation.payload);
    this.#waiting = undefined;
  }

  #start(): void {
    const { port } = this.#server.address() as AddressInfo;
    const client = fileURLToPath(import.meta.resolve('aws-lambda-ric'));
    const child = spawn(process.execPath, ['--import', STAND_IN_FOR_ADDON, client], {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: this.#settings.codeFolder,
      env: environmentVariables(this.#settings, `127.0.0.1:${port}`),
    });
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) createInterface({ input: output }).on('line', this.#log);
    child.once('error', (error) => this.#ended(child, error.message));
    child.once('exit', (code, signal) => this.#ended(child, signal ? `signal: ${signal}` : `exit status ${code}`));
  }

  #ended(child: Child, how: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#waiting = undefined;
    this.#fail('Runtime.ExitError', `Error: Runtime exited with error: ${how}`);
  }

  #timeOut(phase: 'Init' | 'Task', afterMs: number): void {
    const late = this.#current;
    void this.#kill().then(() => {
      if (this.#current !== late) return;
      this.#fail('Sandbox.Timedout', `Error: ${phase} timed out after ${(afterMs / 1000).toFixed(2)} seconds`);
    });
  }

  /** Settles the invocation at hand, if any, with an error in the form that Lambda answers with. */
  #fail(errorType: string, message: string): void {
    if (!this.#current) return;
    const errorMessage = `RequestId: ${this.#current.invocation.requestId} ${message}`;
    this.#log(errorMessage);
    this.#current.settle({ failed: true, payload: JSON.stringify({ errorType, errorMessage }) });
  }

  async #kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#waiting = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/** As Lambda sets them; nothing of this process's own environment but the way to programs. */
function environmentVariables(settings: FunctionSettings, runtimeApi: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: settings.variables.AWS_REGION ?? REGION,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: settings.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memoryMiB),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_FORMAT: settings.logFormat,
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${settings.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    LAMBDA_TASK_ROOT: settings.codeFolder,
    _HANDLER: settings.handler,
    ...settings.variables,
  };
}
