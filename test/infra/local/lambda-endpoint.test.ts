import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InvokeCommand, type InvokeCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import type { Endpoint } from '../../../infra/local/endpoint.ts';
import { startLambdaEndpoint } from '../../../infra/local/lambda-endpoint.ts';
import { LambdaFunction } from '../../../infra/local/lambda-function.ts';
import { until } from '../../e2e/agent.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';
import { fixtureFunction } from './fixture-function.ts';

const settings = fixtureFunction();
const lines: string[] = [];
const subject = new LambdaFunction(settings, 2, (line) => lines.push(line));
let endpoint: Endpoint;
let client: LambdaClient;

before(async () => {
  endpoint = await startLambdaEndpoint([subject]);
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  client = new LambdaClient({ endpoint: endpoint.url, region: 'us-east-1', credentials, maxAttempts: 1 });
});
after(async () => {
  await subject.close();
  await endpoint.close();
});

function invoke(payload: unknown, input: Partial<InvokeCommandInput> = {}) {
  const Payload = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return client.send(new InvokeCommand({ FunctionName: settings.name, Payload, ...input }));
}

test('an invocation is answered with what the function returns', async () => {
  const { StatusCode, FunctionError, ExecutedVersion, Payload } = await invoke({ do: 'echo', text: 'ü' });
  assert.deepEqual(
    { StatusCode, FunctionError, ExecutedVersion },
    { StatusCode: 200, FunctionError: undefined, ExecutedVersion: '$LATEST' },
  );
  assert.equal(JSON.parse(Payload?.transformToString() ?? '').event.text, 'ü');
});

test('an error of the function is a success of the call, marked as the function’s', async () => {
  const { StatusCode, FunctionError, Payload } = await invoke({ do: 'throw' });
  assert.equal(StatusCode, 200);
  assert.equal(FunctionError, 'Unhandled');
  assert.equal(JSON.parse(Payload?.transformToString() ?? '').errorType, 'TypeError');
});

test('a function is found by its ARN, too', async () => {
  assert.equal((await invoke({ do: 'nothing' }, { FunctionName: settings.arn })).StatusCode, 200);
});

test('an event is accepted at once and handled afterwards', async () => {
  const { StatusCode } = await invoke({ do: 'log', text: 'handled afterwards' }, { InvocationType: 'Event' });
  assert.equal(StatusCode, 202);
  await until('it is handled', async () => lines.some((line) => line.includes('handled afterwards')));
});

test('a dry run runs nothing', async () => {
  assert.equal((await invoke({ do: 'log', text: 'dry' }, { InvocationType: 'DryRun' })).StatusCode, 204);
  await invoke({ do: 'log', text: 'wet' });
  await until('the other is handled', async () => lines.some((line) => line.includes('wet')));
  assert.equal(
    lines.some((line) => line.includes('dry')),
    false,
  );
});

test('two invocations run side by side, a third waits for one of them', async (t) => {
  const forFile = join(await temporaryFolder(t), 'go-on');
  const invocations = [1, 2, 3].map(() => invoke({ do: 'wait', forFile }));
  await until('all have begun', async () => subject.running === 3);
  await writeFile(forFile, '');
  const pids = (await Promise.all(invocations)).map(({ Payload }) => Payload?.transformToString());
  assert.equal(new Set(pids).size, 2);
});

const REFUSED: [string, () => Promise<unknown>, string][] = [
  ['an unknown function', () => invoke({}, { FunctionName: 'other' }), 'ResourceNotFoundException'],
  ['a payload that is no JSON', () => invoke('{'), 'InvalidRequestContentException'],
  ['a payload over 6 MiB', () => invoke(`"${'x'.repeat(6 * 1024 * 1024)}"`), 'RequestTooLargeException'],
  [
    'an event over 1 MiB',
    () => invoke(`"${'x'.repeat(1024 * 1024)}"`, { InvocationType: 'Event' }),
    'RequestTooLargeException',
  ],
];

for (const [what, call, name] of REFUSED) {
  test(`${what} is refused with ${name}`, async () => {
    await assert.rejects(call, { name });
  });
}

test('no other operation is there', async () => {
  const response = await fetch(`${endpoint.url}/2015-03-31/functions`);
  assert.equal(response.status, 404);
});
