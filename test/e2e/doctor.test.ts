import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import type { Check } from '../../cli/doctor/finding.ts';
import { startStack } from '../../infra/local/stack.ts';
import { Cloud } from './cloud.ts';
import { makeNode } from './nodes.ts';
import { type Ended, notRoot, podfreight, type RunOptions, temporaryFolder } from './podfreight.ts';

/** No server of instance metadata is asked for credentials. */
const NOWHERE = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent' };

function checksIn({ stdout }: Ended): Record<string, Check> {
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return Object.fromEntries(checks.map((check) => [check.check, check]));
}

describe('podfreight doctor', () => {
  const cloud = new Cloud();

  async function target(test: TestContext): Promise<string> {
    const path = join(await temporaryFolder(test), 'checkpoints');
    await mkdir(path, { mode: 0o700 });
    return path;
  }

  /** With an empty kubelet directory. */
  async function doctor(test: TestContext, args: readonly string[] = [], options: RunOptions = {}) {
    const ended = await cloud.run(['doctor', '-t', await target(test), '--json', ...args], options);
    return { ...ended, checks: checksIn(ended) };
  }

  test('podfreight doctor -t DIR', async (test) => {
    const directory = await makeNode(await temporaryFolder(test), 'node-a');
    const { stdout, stderr, code } = await cloud.run(['doctor', '-t', directory]);
    assert.deepEqual([stderr, code], ['', 0]);
    assert.match(stdout, /^ok {7}settings {5}Buckets, table and function are set\.$/m);
    assert.match(stdout, /^ok {7}credentials {2}Access key PODFREIGHTLOCAL, region us-east-1\.$/m);
    assert.match(stdout, /^ok {7}archives {5}\S+ is there in us-east-1, and versioned\.$/m);
    assert.match(stdout, /^ok {7}bundles {6}\S+ is there in us-east-1, and versioned\.$/m);
    assert.match(stdout, /^ok {7}table {8}\S+ answers\.$/m);
    assert.match(stdout, /^ok {7}function {5}\S+ may be called\.$/m);
    assert.match(stdout, /^ok {7}clock {8}This machine's clock is right\.$/m);
    assert.match(stdout, /^ok {7}directory {4}\S+ has 2 pods\.$/m);
    assert.doesNotMatch(stdout, /^problem/m);
  });

  test('podfreight doctor  # with names of nothing', async (test) => {
    const wrong = ['--archives-bucket', 'no-such-bucket', '--table', 'no-such-table', '--bundle-function', 'nothing'];
    const { checks, stderr, code } = await doctor(test, wrong);
    for (const check of ['archives', 'table', 'function']) {
      assert.deepEqual([checks[check]?.state, checks[check]?.code], ['problem', 'not-found'], check);
      assert.match(checks[check]?.message ?? '', /does not exist; check/);
    }
    assert.equal(checks.bundles?.state, 'ok');
    const { error } = JSON.parse(stderr);
    assert.deepEqual(error.problems, ['archives', 'table', 'function']);
    assert.match(error.message, /^3 of \d+ checks found a problem: archives, table, function\.$/);
    assert.equal(code, 3);
  });

  test('podfreight doctor  # without credentials', async (test) => {
    const { checks, code } = await doctor(test, [], {
      env: { ...NOWHERE, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
    });
    assert.deepEqual([checks.credentials?.state, checks.credentials?.code, code], ['problem', 'no-credentials', 11]);
    assert.match(checks.credentials?.message ?? '', /set AWS_PROFILE, or AWS_ACCESS_KEY_ID/);
    assert.equal(checks.archives?.state, 'note');
  });

  test('podfreight doctor  # with credentials that AWS does not know', async (test) => {
    const { checks, code } = await doctor(test, [], { env: { AWS_ACCESS_KEY_ID: 'AKIDNOBODY' } });
    assert.deepEqual([checks.archives?.state, checks.archives?.code, code], ['problem', 'access-denied', 12]);
    assert.match(checks.archives?.message ?? '', /does not accept the credentials/);
  });

  test('podfreight doctor  # without a region', async (test) => {
    const { AWS_REGION: _, ...env }: Record<string, string> = { ...cloud.stack.environment, ...NOWHERE };
    const ended = await podfreight(['doctor', '-t', await target(test), '--json'], { env });
    const { credentials } = checksIn(ended);
    assert.deepEqual([credentials?.state, credentials?.code, ended.code], ['problem', 'usage', 2]);
    assert.match(credentials?.message ?? '', /set AWS_REGION/);
  });

  test('podfreight doctor  # where nothing answers', async (test) => {
    const { checks, code } = await doctor(test, [], { env: { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' } });
    assert.deepEqual([checks.archives?.state, checks.archives?.code, code], ['problem', 'unreachable', 13]);
    assert.match(checks.archives?.message ?? '', /ECONNREFUSED 127\.0\.0\.1:1/);
    assert.equal(checks.table?.state, 'ok');
  });

  for (const [minutes, words] of [
    [120, /2 h ahead/],
    [-120, /2 h behind/],
  ] as const) {
    test(`podfreight doctor  # with a clock off by ${minutes} minutes`, async (test) => {
      const preload = join(import.meta.dirname, 'shifted-clock.ts');
      const env = { NODE_OPTIONS: `--import ${preload}`, SHIFT_MS: String(minutes * 60_000) };
      const { checks, code } = await doctor(test, [], { env });
      assert.deepEqual([checks.clock?.state, code], ['problem', 12]);
      assert.match(checks.clock?.message ?? '', words);
      assert.match(checks.clock?.advice ?? '', /NTP/);
    });
  }

  test('podfreight doctor  # with a bucket that is not versioned', async (test) => {
    const versioning = (Status: 'Enabled' | 'Suspended') =>
      cloud.s3.send(new PutBucketVersioningCommand({ Bucket: cloud.archives, VersioningConfiguration: { Status } }));
    await versioning('Suspended');
    const { checks, code } = await doctor(test);
    await versioning('Enabled');
    assert.deepEqual([checks.archives?.state, code], ['warning', 0]);
    assert.match(checks.archives?.advice ?? '', /put-bucket-versioning/);
  });

  test('podfreight doctor  # in a directory of somebody else', async (test) => {
    const path = await target(test);
    await chmod(join(path, '..'), 0o755);
    const user = notRoot();
    if (user.uid === undefined) await chmod(path, 0o000); // what root is not kept from
    const ended = await cloud.run(['doctor', '-t', path, '--json'], user);
    const { directory } = checksIn(ended);
    await chmod(path, 0o700);
    assert.deepEqual([directory?.state, directory?.code, ended.code], ['problem', 'access-denied', 12]);
    assert.match(directory?.message ?? '', /run as root/);
  });
});

test("podfreight doctor  # with an agent's role, which may get items of the table and not list it", async (test) => {
  const server = createServer(async (request, response) => {
    const question = await text(request);
    const isGet = request.headers['x-amz-target'] === 'DynamoDB_20120810.GetItem';
    const mayAsk = isGet && question.includes('"ARCHIVE#archives/prod/n1/');
    const denial = { __type: 'com.amazon.coral.service#AccessDeniedException', Message: 'no' };
    response.writeHead(mayAsk ? 200 : 400, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(mayAsk ? {} : denial));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  const env = {
    ...{
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
    },
    ...{ PODFREIGHT_CLUSTER: 'prod', PODFREIGHT_NODE: 'n1' },
    ...{ PODFREIGHT_ARCHIVES_BUCKET: 'archives', PODFREIGHT_TABLE: 'catalogue' },
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  const ended = await podfreight(['doctor', '-t', '/nonexistent/checkpoints', '--json'], { env });
  const { table } = checksIn(ended);
  assert.equal(table?.state, 'note');
  assert.match(table?.message ?? '', /may not list it/);
});

test('podfreight doctor  # with nothing set', async (test) => {
  const env = {
    ...NOWHERE,
    PODFREIGHT_CONFIG: join(await temporaryFolder(test), 'none.json'),
    AWS_REGION: 'eu-west-1',
  };
  const ended = await podfreight(['doctor', '-t', '/nonexistent/checkpoints', '--json'], { env });
  const { settings, directory } = checksIn(ended);
  assert.deepEqual([settings?.state, settings?.code, ended.code], ['problem', 'usage', 2]);
  assert.equal(directory?.state, 'note');
});

test('podfreight doctor  # with a role that may neither list buckets nor ask how they are', async (test) => {
  let isUp = false;
  await using stack = await startStack({ s3: { authorize: () => !isUp } });
  isUp = true;
  const path = join(await temporaryFolder(test), 'checkpoints');
  const ended = await podfreight(['doctor', '-t', path, '--json'], { env: stack.environment });
  const { archives } = checksIn(ended);
  assert.deepEqual([archives?.state, ended.code], ['note', 0]);
  assert.match(archives?.message ?? '', /these credentials may not ask/);
});
