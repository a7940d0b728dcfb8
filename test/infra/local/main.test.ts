import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, type TestContext, test } from 'node:test';

const MAIN = join(import.meta.dirname, '../../../infra/local/main.ts');
const dir = mkdtempSync(join(tmpdir(), 'podfreight-main-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Starts the command and reads the environment that it prints. */
async function run(
  t: TestContext,
  ...args: string[]
): Promise<{ child: ChildProcess; ended: Promise<unknown[]>; environment: Map<string, string> }> {
  const child = spawn(process.execPath, [MAIN, '--dir', dir, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [ended, closed] = [once(child, 'exit'), once(child, 'close')];
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const environment = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name = '', value = ''] = /^export (\w+)='([^']*)'$/.exec(line) ?? assert.fail(line);
    environment.set(name, value);
    if (name === 'PODFREIGHT_BUNDLE_FUNCTION') return { child, ended, environment };
  }
  await closed;
  throw new Error(`npm run local ended: ${stderr}`);
}

/** Whatever is free may be somebody else's a moment later. */
async function runOnFreePorts(t: TestContext) {
  for (let attempt = 1; ; attempt++) {
    const port = await fiveFreePorts();
    try {
      return { port, ...(await run(t, '--port', String(port))) };
    } catch (error) {
      if (attempt === 5 || !/ is in use; /.test(String(error))) throw error;
    }
  }
}

/** The first of five free ports in a row, below those that systems hand out by themselves to whoever asks for any. */
async function fiveFreePorts(): Promise<number> {
  for (let first = randomInt(20_000, 32_000); ; first = randomInt(20_000, 32_000)) {
    const free = await Promise.all([0, 1, 2, 3, 4].map((i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

test('npm run local prints the environment, answers on the ports asked for, and ends when interrupted', async (t) => {
  const { port, child, ended, environment } = await runOnFreePorts(t);
  assert.deepEqual([...environment.keys()].sort(), [
    'AWS_ACCESS_KEY_ID',
    'AWS_ENDPOINT_URL_CLOUDFORMATION',
    'AWS_ENDPOINT_URL_DYNAMODB',
    'AWS_ENDPOINT_URL_LAMBDA',
    'AWS_ENDPOINT_URL_S3',
    'AWS_ENDPOINT_URL_SQS',
    'AWS_REGION',
    'AWS_SECRET_ACCESS_KEY',
    'PODFREIGHT_ARCHIVES_BUCKET',
    'PODFREIGHT_BUNDLES_BUCKET',
    'PODFREIGHT_BUNDLE_FUNCTION',
    'PODFREIGHT_TABLE',
  ]);
  assert.equal(environment.get('AWS_ENDPOINT_URL_S3'), `http://127.0.0.1:${port}`);
  assert.equal(environment.get('AWS_ENDPOINT_URL_LAMBDA'), `http://127.0.0.1:${port + 3}`);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).headers.get('content-type'), 'application/xml');
  const script = readFileSync(join(dir, 'environment.sh'), 'utf8');
  assert.ok(script.includes(`export AWS_ENDPOINT_URL_S3='http://127.0.0.1:${port}'\n`));

  child.kill('SIGINT');
  const [code] = await ended;
  assert.equal(code, 0);
  assert.equal(existsSync(join(dir, 'environment.sh')), false);
});

test('npm run local -- --regions eu-central-1,us-east-1 has an environment for each', async (t) => {
  const { child, ended, environment } = await run(t, '--regions', 'eu-central-1,us-east-1');
  assert.equal(environment.get('AWS_REGION'), 'eu-central-1');
  const other = readFileSync(join(dir, 'environment-us-east-1.sh'), 'utf8');
  assert.match(other, /^export AWS_REGION='us-east-1'$/m);
  const [, json = ''] = /^export PODFREIGHT_REGIONS='(.*)'$/m.exec(other) ?? [];
  const regions = JSON.parse(json);
  assert.deepEqual(Object.keys(regions), ['eu-central-1', 'us-east-1']);
  assert.equal(regions['eu-central-1'].s3Endpoint, environment.get('AWS_ENDPOINT_URL_S3'));
  assert.ok(other.includes(`export AWS_ENDPOINT_URL_S3='${regions['us-east-1'].s3Endpoint}'\n`));

  child.kill('SIGINT');
  const [code] = await ended;
  assert.equal(code, 0);
  assert.equal(existsSync(join(dir, 'environment-us-east-1.sh')), false);
});

const REFUSED: [string[], RegExp][] = [
  [['--regions', 'mars'], /"regions" of the context "podfreight" must be a list of at most 8 regions, each once/],
  [['--port', '65532'], /^--port must be a whole number from 1 to 65531\.\n$/],
  [['--port', 'x'], /^--port must be/],
  [['--unknown'], /^Unknown option '--unknown'/],
];

for (const [args, message] of REFUSED) {
  test(`npm run local -- ${args.join(' ')} says what is wrong`, () => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.equal(stdout, '');
  });
}
