import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { FunctionSettings } from '../../../infra/local/runtime-environment.ts';

/** Does what it is told: `{ "do": "echo" }`. */
const SOURCE = `
let calls = 0;
const actions = {
  echo: (event, context) => ({
    event,
    requestId: context.awsRequestId,
    arn: context.invokedFunctionArn,
    remainingMs: context.getRemainingTimeInMillis(),
    variables: { ...process.env },
  }),
  count: () => ({ calls, pid: process.pid }),
  nothing: () => undefined,
  log: ({ text }) => console.log(text),
  throw: () => { throw new TypeError('not like this'); },
  exit: () => process.exit(3),
  sleep: () => {
    console.log('asleep');
    return new Promise((resolve) => setTimeout(resolve, 60_000));
  },
  spin: () => { for (;;); },
  wait: async ({ forFile }) => {
    while (!require('node:fs').existsSync(forFile)) await new Promise((resolve) => setTimeout(resolve, 10));
    return process.pid;
  },
  large: ({ bytes }) => 'x'.repeat(bytes - 2),
};
exports.handler = async (event, context) => {
  calls += 1;
  return await actions[event.do](event, context);
};
`;

/** Settings of a function made for a test, with its code in a folder that goes when the test file ends. */
export function fixtureFunction(source = SOURCE): FunctionSettings {
  const codeFolder = mkdtempSync(join(tmpdir(), 'podfreight-function-'));
  after(() => rmSync(codeFolder, { recursive: true, force: true }));
  writeFileSync(join(codeFolder, 'index.cjs'), source);
  return {
    name: 'fixture',
    arn: 'arn:aws:lambda:us-east-1:000000000000:function:fixture',
    codeFolder,
    handler: 'index.handler',
    timeoutMs: 60_000,
    memoryMiB: 256,
    logFormat: 'JSON',
    variables: { OWN: 'value' },
  };
}
