import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { checkpoint, type Flags } from '../../cli/commands/checkpoint.ts';
import type { Output } from '../../cli/output.ts';
import { isPodfreightError } from '../../core/errors.ts';
import { sampleContainer } from '../checkpoint-samples/container.ts';
import { crioArchive } from '../checkpoint-samples/cri-o.ts';
import { joined } from '../checkpoint-samples/pieces.ts';
import {
  apiServer,
  archiveName,
  type FakePod,
  type FakeServer,
  kubelet,
  serve,
  TOKEN,
} from '../cli/kubelet/fake-kubelet.ts';
import { Cloud } from './cloud.ts';
import { podfreight, start, temporaryFolder } from './podfreight.ts';

const REDIS: FakePod = { namespace: 'default', name: 'my-redis', containers: { redis: {}, metrics: {} } };
const FAILING: FakePod = {
  namespace: 'default',
  name: 'failing',
  containers: { good: {}, bad: { error: 'rpc error: code = Unknown desc = criu failed: \x1b[31mtype NOTIFY' } },
};
const PODS = [REDIS, FAILING];

/** A kubelet whose archives are on this machine, in `rootDir`. */
async function node(t: TestContext): Promise<FakeServer & { rootDir: string }> {
  const rootDir = await temporaryFolder(t);
  await mkdir(join(rootDir, 'checkpoints'));
  for (const pod of PODS) {
    for (const container of Object.keys(pod.containers)) {
      await writeFile(join(rootDir, 'checkpoints', archiveName(pod, container)), Buffer.alloc(3072));
    }
  }
  return { rootDir, ...(await serve(t, kubelet({ pods: PODS, rootDir }))) };
}

function direct({ address, tokenFile, caFile }: FakeServer): string[] {
  return ['--kubelet', address, '--kubelet-ca', caFile, '--token-file', tokenFile];
}

test('podfreight checkpoint default/my-redis --kubelet NODE --no-push', async (t) => {
  const server = await node(t);
  const { stdout, stderr, code } = await podfreight(['checkpoint', 'default/my-redis', ...direct(server), '--no-push']);
  assert.deepEqual([stderr, code], ['', 0]);
  assert.match(stdout, /\| +CONTAINER +\| +ARCHIVE +\| +SIZE +\|/);
  for (const container of ['redis', 'metrics']) {
    const path = join(server.rootDir, 'checkpoints', archiveName(REDIS, container));
    assert.match(stdout, new RegExp(`^\\| default/my-redis/${container} +\\| ${path} +\\| 3\\.0 KiB \\|$`, 'm'));
  }
  assert.deepEqual(server.requests, [
    'GET /pods',
    'POST /checkpoint/default/my-redis/redis?timeout=120',
    'POST /checkpoint/default/my-redis/metrics?timeout=120',
  ]);
});

test('podfreight checkpoint default/my-redis/redis --kubelet NODE --no-push --timeout 600 --json', async (t) => {
  const server = await node(t);
  const args = ['default/my-redis/redis', ...direct(server), '--no-push', '--timeout', '600', '--json'];
  const { stdout, stderr, code } = await podfreight(['checkpoint', ...args]);
  assert.deepEqual([stderr, code], ['', 0]);
  const path = join(server.rootDir, 'checkpoints', archiveName(REDIS, 'redis'));
  assert.deepEqual(JSON.parse(stdout), {
    checkpoints: [{ namespace: 'default', pod: 'my-redis', container: 'redis', path, sizeBytes: 3072 }],
  });
  assert.deepEqual(server.requests, ['POST /checkpoint/default/my-redis/redis?timeout=600']);
});

test('podfreight checkpoint default/my-redis --server URL --no-push --json', async (t) => {
  const { address, tokenFile, caFile } = await serve(t, apiServer('node-a', { pods: PODS }));
  const access = ['--server', `https://${address}`, '--ca-file', caFile, '--token-file', tokenFile];
  const { stdout, code } = await podfreight(['checkpoint', 'default/my-redis', ...access, '--no-push', '--json']);
  assert.equal(code, 0);
  const [redis] = JSON.parse(stdout).checkpoints;
  assert.deepEqual(redis, {
    namespace: 'default',
    pod: 'my-redis',
    container: 'redis',
    node: 'node-a',
    path: `/var/lib/kubelet/checkpoints/${archiveName(REDIS, 'redis')}`,
  });
});

test('podfreight checkpoint default/my-redis --server http://127.0.0.1:8001  # a kubectl proxy', async (t) => {
  const behind = apiServer('node-a', { pods: PODS });
  const tokens: unknown[] = [];
  const proxy = createServer((request, response) => {
    tokens.push(request.headers.authorization);
    request.headers.authorization = `Bearer ${TOKEN}`;
    behind(request, response);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  t.after(() => proxy.close());
  const server = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const { stderr, code } = await podfreight(['checkpoint', 'default/my-redis', '--server', server, '--no-push']);
  assert.deepEqual([stderr, code, tokens], ['', 0, [undefined, undefined, undefined]]);
});

test('podfreight checkpoint …  # in a pod', async (t) => {
  const { address, tokenFile, caFile } = await serve(t, apiServer('node-a', { pods: PODS }));
  const [host, port] = address.split(':') as [string, string];
  const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port };
  const access = ['--token-file', tokenFile, '--ca-file', caFile];
  const { stderr, code } = await podfreight(['checkpoint', 'default/my-redis', ...access, '--no-push'], { env });
  assert.deepEqual([stderr, code], ['', 0]);
});

test('podfreight checkpoint default/failing default/my-redis/redis  # one that fails hides no other', async (t) => {
  const server = await node(t);
  const args = ['checkpoint', 'default/failing', 'default/my-redis/redis', ...direct(server), '--no-push'];
  const { stdout, stderr, code } = await podfreight(args);
  assert.equal(code, 14);
  assert.match(stdout, /failing\/good/);
  assert.match(stdout, /my-redis\/redis/);
  assert.doesNotMatch(stdout, /failing\/bad/);
  assert.equal(
    stderr,
    'podfreight: Cannot checkpoint default/failing/bad: checkpointing of default/failing/bad failed ' +
      '(rpc error: code = Unknown desc = criu failed: \\x1b[31mtype NOTIFY).\n',
  );
});

test('podfreight checkpoint … --insecure-skip-tls-verify', async (t) => {
  const server = await node(t);
  const access = ['--kubelet', server.address, '--token-file', server.tokenFile];
  const refused = await podfreight(['checkpoint', 'default/my-redis', ...access, '--no-push']);
  assert.deepEqual([refused.stdout, refused.code], ['', 13]);
  assert.match(refused.stderr, /is not trusted: self-signed certificate; --kubelet-ca .*\.\n$/);
  assert.deepEqual(server.requests, []);
  const line = ['checkpoint', 'default/my-redis', ...access, '--no-push', '--insecure-skip-tls-verify'];
  const { stderr, code } = await podfreight(line);
  assert.equal(code, 0);
  assert.match(stderr, /^podfreight: warning: --insecure-skip-tls-verify: [^\n]+\n$/);
});

test('podfreight checkpoint …  # Ctrl-C while the node works', async (t) => {
  const pods = [{ ...REDIS, containers: { redis: { answer: () => child.kill('SIGINT') } } }];
  const server = await serve(t, kubelet({ pods }));
  const { child, ended } = start(['checkpoint', 'default/my-redis/redis', ...direct(server), '--no-push']);
  const { stdout, stderr, code } = await ended;
  assert.deepEqual([stdout, stderr, code], ['', 'podfreight: Stopped by SIGINT.\n', 130]);
});

test('refuses what it cannot ask for', async (t) => {
  const server = await node(t);
  for (const [args, code, message] of [
    [[], 2, /missing required argument 'pod'/],
    [['my-redis', ...direct(server)], 2, /namespace\/pod/],
    [['default/my-redis', ...direct(server), '--timeout', '0'], 2, /whole number from 1/],
    [['default/my-redis', ...direct(server), '--timeout', '1m'], 2, /whole number from 1/],
    [['default/my-redis'], 2, /--kubelet <host>/],
    [['default/gone', ...direct(server)], 3, /has no such pod/],
    [['default/gone/redis', ...direct(server)], 3, /pod does not exist/],
    [['default/my-redis/gone', ...direct(server)], 3, /container gone does not exist/],
  ] as const) {
    const { code: ended, stdout, stderr } = await podfreight(['checkpoint', '--no-push', ...args]);
    assert.match(stderr, message);
    assert.match(stderr, /^podfreight: [^\n]+\n$/);
    assert.deepEqual([ended, stdout], [code, ''], args.join(' '));
  }
  assert.deepEqual(
    server.requests.filter((request) => request.includes('my-redis/redis')),
    [],
  );
});

/** The command in this process, with another way to S3; what it prints as JSON, and how it ends. */
async function run(server: FakeServer, names: readonly string[], ship: Parameters<typeof checkpoint>[3]) {
  let printed: unknown;
  const output = { note() {}, warn() {}, result: (value: unknown) => (printed = value) } as unknown as Output;
  const flags: Flags = {
    ...{ kubelet: server.address, kubeletCa: server.caFile, tokenFile: server.tokenFile },
    ...{ timeout: 5, push: true, archivesBucket: 'b' },
  };
  const context = { output, signal: new AbortController().signal };
  const error = await checkpoint(names, flags, context, ship).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  return { printed, error };
}

test('what was checkpointed is shipped at once', async (t) => {
  const server = await node(t);
  const shipped: string[] = [];
  const { printed, error } = await run(server, ['default/my-redis'], async (paths) => {
    shipped.push(...paths);
    const archives = paths.map((path) => ({
      ...{ location: { bucket: 'b', key: path }, sandboxIds: [], sizeBytes: 1, contentBytes: 3072, stored: true },
    }));
    return { archives, failures: [] };
  });
  assert.equal(error, undefined);
  const paths = ['redis', 'metrics'].map((name) => join(server.rootDir, 'checkpoints', archiveName(REDIS, name)));
  assert.deepEqual(shipped, paths);
  const { checkpoints, archives } = printed as Record<string, readonly Record<string, unknown>[]>;
  assert.deepEqual(
    checkpoints?.map(({ path, sizeBytes }) => [path, sizeBytes]),
    paths.map((path) => [path, 3072]),
  );
  assert.deepEqual(
    archives?.map(({ bucket, key }) => [bucket, key]),
    paths.map((path) => ['b', path]),
  );
});

test('archives on another machine are named, and not shipped', async (t) => {
  const server = await serve(t, kubelet({ pods: PODS, rootDir: '/nowhere/kubelet' }));
  const { printed, error } = await run(server, ['default/my-redis/redis'], () => assert.fail('shipped'));
  assert.match(JSON.stringify(printed), /nowhere\/kubelet\/checkpoints\/checkpoint-my-redis_default-redis/);
  assert.ok(isPodfreightError(error, 'not-found'));
  assert.match(error.message, /it is on the node and not here/);
});

test('podfreight checkpoint default/my-redis  # without a bucket nothing is frozen', async (t) => {
  const server = await node(t);
  const { stdout, stderr, code } = await podfreight(['checkpoint', 'default/my-redis', ...direct(server)]);
  assert.match(stderr, /PODFREIGHT_ARCHIVES_BUCKET/);
  assert.deepEqual([stdout, code, server.requests], ['', 2, []]);
});

describe('with S3', () => {
  const cloud = new Cloud();

  test('podfreight checkpoint edge/counters --kubelet NODE  # pushes what came, all containers of the pod together', async (t) => {
    const rootDir = await temporaryFolder(t);
    await mkdir(join(rootDir, 'checkpoints'));
    const counters: FakePod = { namespace: 'edge', name: 'counters', containers: { counter: {}, web: {} } };
    const bytes = new Map<string, Buffer>();
    for (const [seed, container] of Object.keys(counters.containers).entries()) {
      const fields = { namespace: 'edge', pod: 'counters', container, seed, pagesBytes: 8192 };
      const name = archiveName(counters, container);
      bytes.set(name, joined(crioArchive(sampleContainer(fields))));
      await writeFile(join(rootDir, 'checkpoints', name), bytes.get(name)!);
    }
    const server = await serve(t, kubelet({ pods: [counters], rootDir }));
    const args = ['checkpoint', 'edge/counters', ...direct(server), '--node', 'n7', '--json'];
    const { stdout, stderr, code } = await cloud.run(args);
    assert.equal(code, 0, stderr);
    const { checkpoints, archives } = JSON.parse(stdout);
    assert.equal(checkpoints.length, 2);
    assert.deepEqual(archives[0].files.toSorted(), [...bytes.keys()].toSorted());
    assert.match(archives[0].key, /^default\/n7\/[0-9a-f]{64}\//);
    assert.deepEqual(await cloud.keys(cloud.archives), [archives[0].key]);
    const again = await cloud.run(args.slice(0, -1));
    assert.match(again.stdout, /^present {2}s3:/m);
  });

  test('podfreight checkpoint default/my-redis/redis  # of which half came', async (t) => {
    const server = await node(t);
    const { stdout, stderr, code } = await cloud.run(['checkpoint', 'default/my-redis/redis', ...direct(server)]);
    assert.match(stdout, /my-redis\/redis/);
    assert.match(stderr, /The archive .*redis.*\.tar is refused/);
    assert.equal(code, 5);
  });
});
