import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { type XmlFields, xmlDocument } from './s3/xml.ts';
import { ACCOUNT, type Template } from './template.ts';

export interface StackOutput {
  readonly name: string;
  readonly value: string;
  readonly description: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * CloudFormation's DescribeStacks of the one stack there is, and nothing else of its API, on 127.0.0.1.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
 */
export async function startCloudFormation(
  { stackName, region }: Pick<Template, 'stackName' | 'region'>,
  outputs: readonly StackOutput[],
  port = 0,
): Promise<Endpoint> {
  const stack = { stackName, region, outputs, createdAt: new Date() };
  const server = createServer((request, response) => {
    serve(stack, request)
      .then(({ status, body }) => response.writeHead(status, { 'content-type': 'text/xml' }).end(body))
      .catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return endpointOf(server);
}

interface Described {
  readonly stackName: string;
  readonly region: string;
  readonly outputs: readonly StackOutput[];
  readonly createdAt: Date;
}

async function serve({ stackName, region, outputs, createdAt }: Described, request: IncomingMessage): Promise<Answer> {
  const parameters = new URLSearchParams(await text(request));
  const action = parameters.get('Action');
  if (action !== 'DescribeStacks') {
    return refuse('InvalidAction', `The embedded stack knows only DescribeStacks, and not ${action}.`);
  }
  const asked = parameters.get('StackName') ?? stackName;
  const id = `arn:aws:cloudformation:${region}:${ACCOUNT}:stack/${stackName}/embedded`;
  if (asked !== stackName && asked !== id) return refuse('ValidationError', `Stack with id ${asked} does not exist`);
  return answer(200, 'DescribeStacksResponse', {
    DescribeStacksResult: {
      Stacks: {
        member: {
          StackId: id,
          StackName: stackName,
          CreationTime: createdAt,
          StackStatus: 'CREATE_COMPLETE',
          Outputs: {
            member: outputs.map(({ name, value, description }) => ({
              OutputKey: name,
              OutputValue: value,
              Description: description,
            })),
          },
        },
      },
    },
    ResponseMetadata: { RequestId: randomUUID() },
  });
}

function refuse(code: string, message: string): Answer {
  const error = { Type: 'Sender', Code: code, Message: message };
  return answer(400, 'ErrorResponse', { Error: error, RequestId: randomUUID() });
}

function answer(status: number, root: string, fields: XmlFields): Answer {
  return { status, body: xmlDocument(root, fields, { namespace: false }) };
}
