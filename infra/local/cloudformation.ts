import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { OUTPUTS } from '../outputs.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { type XmlFields, xmlDocument } from './s3/xml.ts';
import { ACCOUNT, REGION, type Template } from './template.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * CloudFormation's DescribeStacks of the one stack there is, and nothing else of its API, on 127.0.0.1. Its outputs
 * are those that podfreight reads.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
 */
export async function startCloudFormation(template: Template, port = 0): Promise<Endpoint> {
  const createdAt = new Date();
  const server = createServer((request, response) => {
    serve(template, createdAt, request)
      .then(({ status, body }) => response.writeHead(status, { 'content-type': 'text/xml' }).end(body))
      .catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return endpointOf(server);
}

async function serve(template: Template, createdAt: Date, request: IncomingMessage): Promise<Answer> {
  const parameters = new URLSearchParams(await text(request));
  const action = parameters.get('Action');
  if (action !== 'DescribeStacks') {
    return refuse('InvalidAction', `The embedded stack knows only DescribeStacks, and not ${action}.`);
  }
  const { stackName } = template;
  const asked = parameters.get('StackName') ?? stackName;
  const id = `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stackName}/embedded`;
  if (asked !== stackName && asked !== id) return refuse('ValidationError', `Stack with id ${asked} does not exist`);
  const outputs = Object.entries(OUTPUTS).map(([name, variable]) => ({
    OutputKey: name,
    OutputValue: template.output(name),
    Description: variable,
  }));
  return answer(200, 'DescribeStacksResponse', {
    DescribeStacksResult: {
      Stacks: {
        member: {
          StackId: id,
          StackName: stackName,
          CreationTime: createdAt,
          StackStatus: 'CREATE_COMPLETE',
          Outputs: { member: outputs },
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
