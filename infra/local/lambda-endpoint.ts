import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Endpoint } from './endpoint.ts';
import { endpointOf } from './endpoint.ts';
import type { LambdaFunction } from './lambda-function.ts';
import { accessKeyOf, type Gate } from './sessions.ts';
import { regional } from './template.ts';

const INVOKE_PATH = /^\/2015-03-31\/functions\/(?<name>[^/]+)\/invocations$/;

/** What the payload of an invocation may measure, waited for or not. */
const MAX_PAYLOAD_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024, DryRun: 6 * 1024 * 1024 };
type InvocationType = keyof typeof MAX_PAYLOAD_BYTES;

/**
 * Lambda's Invoke, and nothing else of its API, on 127.0.0.1. An invocation of type `Event` is answered at once and run
 * once: it is not tried again when it fails.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export async function startLambdaEndpoint(
  functions: readonly LambdaFunction[],
  { port = 0, gate = async () => true }: { port?: number; gate?: Gate } = {},
): Promise<Endpoint> {
  const server = createServer((request, response) => {
    serve(functions, gate, request, response).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return endpointOf(server);
}

async function serve(
  functions: readonly LambdaFunction[],
  gate: Gate,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  const name = decodeURIComponent(INVOKE_PATH.exec(path)?.groups?.name ?? '');
  if (request.method !== 'POST' || name === '') {
    return refuse(response, 404, 'UnknownOperationException', 'The embedded stack knows only Invoke.');
  }
  const subject = functions.find(({ settings }) => name === settings.arn || name === settings.name);
  const resource = subject?.settings.arn ?? regional('lambda', `function:${name}`);
  const call = { action: 'lambda:InvokeFunction', resource, conditions: {} };
  if (!(await gate(accessKeyOf(request.headers.authorization), call))) {
    const message = `User is not authorized to perform: ${call.action} on resource: ${resource}`;
    return refuse(response, 403, 'AccessDeniedException', message);
  }
  if (!subject) return refuse(response, 404, 'ResourceNotFoundException', `Function not found: ${name}`);

  const type = (request.headers['x-amz-invocation-type'] ?? 'RequestResponse') as InvocationType;
  const maxBytes = MAX_PAYLOAD_BYTES[type];
  if (maxBytes === undefined) {
    return refuse(response, 400, 'InvalidParameterValueException', `Unknown invocation type: ${type}`);
  }
  if (body.length > maxBytes) {
    const message = `Request must be smaller than ${maxBytes} bytes for the ${type} invocation type`;
    return refuse(response, 413, 'RequestTooLargeException', message);
  }
  const payload = body.length === 0 ? '{}' : body.toString();
  if (!isJson(payload)) {
    return refuse(response, 400, 'InvalidRequestContentException', 'Could not parse request body into json');
  }
  if (type === 'DryRun') return answer(response, 204, '');
  const invocation = subject.invoke(payload);
  if (type === 'Event') return answer(response, 202, '');
  const outcome = await invocation;
  answer(response, 200, outcome.payload, {
    'x-amzn-requestid': outcome.requestId,
    'x-amz-executed-version': '$LATEST',
    ...(outcome.failed && { 'x-amz-function-error': 'Unhandled' }),
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  answer(response, status, JSON.stringify({ Type: 'User', Message: message }), { 'x-amzn-errortype': type });
}

function answer(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body);
}
