import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { accessKeyOf, type Call, type Gate } from './sessions.ts';
import { regional } from './template.ts';

/** In front of the stand-in for DynamoDB, which asks nobody: lets through what `gate` allows. */
export async function startDynamoDbGate(behind: Endpoint, gate: Gate, port = 0): Promise<Endpoint> {
  const server = createServer((request, response) => {
    serve(behind, gate, request, response).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return endpointOf(server);
}

async function serve(behind: Endpoint, gate: Gate, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request);
  const operation = String(request.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
  const call = callOf(operation, body);
  if (!(await gate(accessKeyOf(request.headers.authorization), call))) {
    const message = `User is not authorized to perform: ${call.action} on resource: ${call.resource}`;
    const __type = 'com.amazon.coral.service#AccessDeniedException';
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ __type, Message: message }));
    return;
  }
  const { method, url, headers } = request;
  const onward = send({ host: '127.0.0.1', port: behind.port, method, path: url, headers });
  onward.end(body);
  const [answer] = (await once(onward, 'response')) as [IncomingMessage];
  response.writeHead(answer.statusCode ?? 500, answer.headers);
  await pipeline(answer, response);
}

/** An item or key, as far as it is looked at. */
type Keyed = Readonly<Record<string, { readonly S?: string }>>;

interface Input {
  /** Of a batch: requests by table. */
  readonly RequestItems?: Readonly<Record<string, unknown>>;
  readonly TableName?: string;
  readonly IndexName?: string;
  readonly Key?: Keyed;
  readonly Item?: Keyed;
  readonly KeyConditionExpression?: string;
  readonly ExpressionAttributeValues?: Keyed;
}

/** Operations of one table are named as their actions are. */
function callOf(operation: string, body: Buffer): Omit<Call, 'principal'> {
  const input = JSON.parse(body.toString() || '{}') as Input;
  const name = input.TableName ?? Object.keys(input.RequestItems ?? {})[0] ?? '*';
  const table = regional('dynamodb', `table/${name}`);
  const resource = input.IndexName === undefined ? table : `${table}/index/${input.IndexName}`;
  const leading = leadingKey(input);
  const conditions = leading === undefined ? {} : { 'dynamodb:LeadingKeys': [leading] };
  return { action: `dynamodb:${operation}`, resource, conditions };
}

/** The value of the partition key. */
function leadingKey({ Key, Item, KeyConditionExpression = '', ExpressionAttributeValues }: Input): string | undefined {
  const item = Key ?? Item;
  if (item) return item.pk?.S;
  const name = /^\s*\S+\s*=\s*(:\w+)/.exec(KeyConditionExpression)?.[1];
  return name === undefined ? undefined : ExpressionAttributeValues?.[name]?.S;
}
