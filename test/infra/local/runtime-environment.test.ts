import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type FunctionSettings, RuntimeEnvironment } from '../../../infra/local/runtime-environment.ts';
import { until } from '../../e2e/agent.ts';
import { fixtureFunction } from './fixture-function.ts';

const settings = fixtureFunction();
/** For what does not end; anything else may take its time. */
const SHORT_MS = 700;

/** What the fixture's actions and Lambda's errors answer, together; each has some of it. */
interface Answer {
  readonly event: object;
  readonly requestId: string;
  readonly arn: string;
  readonly remainingMs: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly calls: number;
  readonly pid: number;
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

async function open(settings: FunctionSettings): Promise<{
  call: (payload: object) => Promise<{ failed: boolean; answer: Answer }>;
  environment: RuntimeEnvironment;
  lines: string[];
}> {
  const lines: string[] = [];
  const environment = await RuntimeEnvironment.open(settings, (line) => lines.push(line));
  let calls = 0;
  const call = async (payload: object) => {
    calls += 1;
    const outcome = await environment.invoke({ requestId: `request-${calls}`, payload: JSON.stringify(payload) });
    return { failed: outcome.failed, answer: JSON.parse(outcome.payload) };
  };
  return { call, environment, lines };
}

describe('a function in its environment', () => {
  let subject: Awaited<ReturnType<typeof open>>;
  before(async () => {
    subject = await open(mortal);
  });
  after(() => subject.environment.close());
  const mortal = { ...settings };

  test('gets the event, the context, and the environment variables of Lambda and its own, and no others', async () => {
    const { failed, answer } = await subject.call({ do: 'echo', text: 'ü 漢 🙂' });
    assert.equal(failed, false);
    assert.deepEqual(answer.event, { do: 'echo', text: 'ü 漢 🙂' });
    assert.match(answer.requestId, /^request-\d+$/);
    assert.equal(answer.arn, settings.arn);
    assert.ok(answer.remainingMs > 0 && answer.remainingMs <= settings.timeoutMs, `${answer.remainingMs} ms`);
    assert.equal(answer.variables.OWN, 'value');
    assert.equal(answer.variables.AWS_LAMBDA_FUNCTION_NAME, 'fixture');
    assert.equal(answer.variables.TZ, ':UTC');
    const inherited = Object.keys(answer.variables).filter((name) => /^(HOME|NODE_|npm_)/.test(name));
    assert.deepEqual(inherited, []);
  });

  test('keeps its process from one invocation to the next', async () => {
    const { answer: first } = await subject.call({ do: 'count' });
    const { answer: second } = await subject.call({ do: 'count' });
    assert.equal(second.pid, first.pid);
    assert.equal(second.calls, first.calls + 1);
  });

  test('that returns nothing answers null', async () => {
    assert.deepEqual(await subject.call({ do: 'nothing' }), { failed: false, answer: null });
  });

  test('that throws fails with the error and its trace, and its process lives on', async () => {
    const { answer: before } = await subject.call({ do: 'count' });
    const { failed, answer } = await subject.call({ do: 'throw' });
    assert.equal(failed, true);
    assert.equal(answer.errorType, 'TypeError');
    assert.equal(answer.errorMessage, 'not like this');
    assert.match(answer.trace.join('\n'), /index\.cjs/);
    assert.equal((await subject.call({ do: 'count' })).answer.pid, before.pid);
  });

  test('is heard when it logs', async () => {
    await subject.call({ do: 'log', text: 'heard' });
    const heard = await until('it is heard', async () => subject.lines.find((one) => one.includes('heard')));
    const line = JSON.parse(heard);
    assert.equal(line.message, 'heard');
    assert.equal(line.level, 'INFO');
  });

  for (const action of ['sleep', 'spin']) {
    test(`that does not end (${action}) is killed at its timeout, and a new process takes the next invocation`, async () => {
      const { answer: before } = await subject.call({ do: 'count' });
      mortal.timeoutMs = SHORT_MS;
      const { failed, answer } = await subject.call({ do: action });
      mortal.timeoutMs = settings.timeoutMs;
      assert.equal(failed, true);
      assert.equal(answer.errorType, 'Sandbox.Timedout');
      assert.match(answer.errorMessage, /^RequestId: request-\d+ Error: Task timed out after 0\.70 seconds$/);
      assert.equal(isRunning(before.pid), false);
      assert.equal((await subject.call({ do: 'count' })).answer.calls, 1);
    });
  }

  test('whose process ends fails, and a new process takes the next invocation', async () => {
    const { failed, answer } = await subject.call({ do: 'exit' });
    assert.equal(failed, true);
    assert.equal(answer.errorType, 'Runtime.ExitError');
    assert.match(answer.errorMessage, /Runtime exited with error: exit status 3$/);
    assert.equal((await subject.call({ do: 'count' })).answer.calls, 1);
  });

  test('does not lose an invocation to what a process asked for that is dead', async () => {
    const { answer } = await subject.call({ do: 'echo' });
    const next = `http://${answer.variables.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next`;
    await assert.rejects(fetch(next, { headers: { 'podfreight-process': '1' } }));
    assert.equal((await subject.call({ do: 'count' })).failed, false);
  });

  test('may answer 6 MiB and not a byte more', async () => {
    const sixMiB = 6 * 1024 * 1024;
    assert.equal((await subject.call({ do: 'large', bytes: sixMiB })).failed, false);
    const { failed, answer } = await subject.call({ do: 'large', bytes: sixMiB + 1 });
    assert.equal(failed, true);
    assert.equal(answer.errorType, 'Function.ResponseSizeTooLarge');
  });
});

test('a function that fails while it is loaded fails each invocation with that error', async () => {
  const { call, environment } = await open(fixtureFunction('throw new RangeError("no settings");'));
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const { failed, answer } = await call({});
    assert.equal(failed, true);
    assert.equal(answer.errorType, 'RangeError');
    assert.equal(answer.errorMessage, 'no settings');
  }
  await environment.close();
});

test('a bundle without a handler says so', async () => {
  const { call, environment } = await open(fixtureFunction('exports.other = () => 1;'));
  const { failed, answer } = await call({});
  assert.equal(failed, true);
  assert.match(answer.errorMessage, /index\.handler is undefined or not exported/);
  await environment.close();
});

test('closing ends the process and fails what is under way', async () => {
  const { call, environment } = await open(settings);
  const { answer } = await call({ do: 'count' });
  const underWay = call({ do: 'sleep' });
  await environment.close();
  assert.equal((await underWay).failed, true);
  assert.equal(isRunning(answer.pid), false);
  assert.equal((await call({ do: 'count' })).failed, true);
});

/** A stack of one function that prints the function's process id when it is in the state, and stays. */
const PARENTS = {
  idle: `
    const environment = await RuntimeEnvironment.open(settings, () => {});
    const { payload } = await environment.invoke({ requestId: '1', payload: '{"do":"count"}' });
    console.log(JSON.parse(payload).pid);`,
  busy: `
    let pid;
    const environment = await RuntimeEnvironment.open(settings, (line) => line.includes('asleep') && console.log(pid));
    const { payload } = await environment.invoke({ requestId: '1', payload: '{"do":"count"}' });
    pid = JSON.parse(payload).pid;
    void environment.invoke({ requestId: '2', payload: '{"do":"sleep"}' });`,
};

for (const [state, script] of Object.entries(PARENTS)) {
  test(`a function that is ${state} ends when the stack is killed`, async (t) => {
    const source = `
      import { RuntimeEnvironment } from '${new URL('../../../infra/local/runtime-environment.ts', import.meta.url)}';
      const settings = ${JSON.stringify(settings)};
      setInterval(() => {}, 1000);
      ${script}`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => parent.kill('SIGKILL'));
    const [chunk] = await parent.stdout.take(1).toArray();
    const pid = Number(chunk);
    assert.equal(isRunning(pid), true);
    parent.kill('SIGKILL');
    await until('it has ended', async () => !isRunning(pid));
  });
}

/** False for a process that ended and that nobody has asked about, too. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
