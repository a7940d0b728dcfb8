import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { ApiServer } from '../../../cli/kubelet/api-server.ts';
import type { Checkpointer } from '../../../cli/kubelet/checkpointer.ts';
import { Endpoint } from '../../../cli/kubelet/endpoint.ts';
import { Kubelet } from '../../../cli/kubelet/kubelet.ts';
import { type ErrorCode, isPodfreightError } from '../../../core/errors.ts';
import { apiServer, archiveName, type FakeOptions, type FakePod, kubelet, serve } from './fake-kubelet.ts';

const answering = (body: string) => ({ answer: (response: { end(text: string): void }) => response.end(body) });
const naming = (path: string) => answering(JSON.stringify({ items: [path] }));

const POD: FakePod = {
  namespace: 'default',
  name: 'web-0',
  containers: {
    app: {},
    done: { running: false },
    broken: { error: 'rpc error: code = Unknown desc = criu failed: type NOTIFY errno 0' },
    late: { error: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded' },
    old: { error: 'rpc error: code = Unimplemented desc = unknown method CheckpointContainer for service runtime.v1' },
    crio: { error: 'rpc error: code = Unknown desc = checkpoint/restore support not available' },
    containerd: { error: 'rpc error: code = Unknown desc = criu binary not found in shim path or system PATH' },
    nothing: answering(''),
    empty: answering('{"items":[]}'),
    many: answering('{"items":["/a","/b"]}'),
    shadow: naming('/etc/shadow'),
    relative: naming(`checkpoint-web-0_default-relative-x.tar`),
    upwards: naming('/var/lib/kubelet/checkpoints/../../checkpoint-web-0_default-upwards-x.tar'),
    other: naming('/var/lib/kubelet/checkpoints/checkpoint-web-0_default-app-2026-11-22T13:20:00Z.tar'),
    flood: answering('x'.repeat(70_000)),
  },
  sidecars: { proxy: {}, setup: { running: false } },
};
const IDLE: FakePod = { namespace: 'default', name: 'idle', containers: { app: { running: false } } };

type Route = (test: TestContext, options?: FakeOptions) => Promise<{ asked: Checkpointer; requests: string[] }>;

const direct: Route = async (t, options = {}) => {
  const { address, requests, ...files } = await serve(t, kubelet({ pods: [POD, IDLE], ...options }));
  return { asked: new Kubelet(new Endpoint({ url: new URL(`https://${address}`), verify: true, ...files })), requests };
};

const proxied: Route = async (t, options = {}) => {
  const { address, requests, ...files } = await serve(t, apiServer('node-a', { pods: [POD, IDLE], ...options }));
  return {
    asked: new ApiServer(new Endpoint({ url: new URL(`https://${address}`), verify: true, ...files })),
    requests,
  };
};

const signal = new AbortController().signal;
const container = (name: string) => ({ namespace: 'default', pod: 'web-0', container: name });

function failsWith(code: ErrorCode, message: RegExp) {
  return (error: unknown) => {
    assert.ok(isPodfreightError(error, code), `${(error as { code?: string }).code}: ${error}`);
    assert.match(error.message, message);
    assert.match(error.message, /^Cannot .*[^.]\.$/);
    return true;
  };
}

for (const [name, open] of [
  ['the kubelet itself', direct],
  ['the API server', proxied],
] as const) {
  describe(name, () => {
    test('knows the containers that run, sidecars too', async (t) => {
      const { asked } = await open(t);
      const running = await asked.runningContainers({ namespace: 'default', pod: 'web-0' }, signal);
      assert.deepEqual(running.includes('app') && running.includes('proxy'), true);
      assert.deepEqual(running.includes('done') || running.includes('setup'), false);
      const idle = asked.runningContainers({ namespace: 'default', pod: 'idle' }, signal);
      await assert.rejects(idle, failsWith('not-found', /default\/idle: none of its containers runs/));
      const gone = asked.runningContainers({ namespace: 'default', pod: 'gone' }, signal);
      await assert.rejects(gone, failsWith('not-found', /gone/));
    });

    test('checkpoints', async (t) => {
      const { asked, requests } = await open(t);
      const { path } = await asked.checkpoint(container('app'), 300, signal);
      assert.equal(path, `/var/lib/kubelet/checkpoints/${archiveName(POD, 'app')}`);
      assert.match(requests.at(-1)!, /^POST \/(.*\/proxy\/)?checkpoint\/default\/web-0\/app\?timeout=300$/);
    });

    for (const [which, code, message] of [
      ['gone', 'not-found', /web-0\/gone: container gone does not exist\.$/],
      ['broken', 'service', /web-0\/broken: .*criu failed: type NOTIFY errno 0/],
      ['late', 'service', /DeadlineExceeded/],
      ['old', 'unsupported', /has no CRIU support .*unknown method CheckpointContainer/],
      ['crio', 'unsupported', /has no CRIU support .*not available/],
      ['containerd', 'unsupported', /has no CRIU support .*criu binary not found/],
      ['nothing', 'service', /names no archive/],
      ['empty', 'service', /names no archive/],
      ['many', 'service', /names no archive/],
      ['shadow', 'service', /names "\/etc\/shadow", no archive of it/],
      ['relative', 'service', /no archive of it/],
      ['upwards', 'service', /no archive of it/],
      ['other', 'service', /no archive of it/],
      ['flood', 'service', /longer than 65536 bytes/],
    ] as const) {
      test(`fails for container ${which}: ${code}`, async (t) => {
        const { asked } = await open(t);
        await assert.rejects(asked.checkpoint(container(which), 5, signal), failsWith(code, message));
      });
    }

    test('says that the feature gate is off', async (t) => {
      const { asked } = await open(t, { gate: false });
      const checkpoint = asked.checkpoint(container('app'), 5, signal);
      await assert.rejects(checkpoint, failsWith('unsupported', /feature gate ContainerCheckpoint/));
    });

    test('says what the token may not', async (t) => {
      const { asked } = await open(t, { allowed: [] });
      const checkpoint = asked.checkpoint(container('app'), 5, signal);
      await assert.rejects(checkpoint, failsWith('access-denied', /(nodes\/checkpoint|get on pods)/));
      const list = asked.runningContainers({ namespace: 'default', pod: 'web-0' }, signal);
      await assert.rejects(list, failsWith('access-denied', /get on (nodes\/)?pods/));
    });

    for (const [status, code] of [
      [401, 'no-credentials'],
      [403, 'access-denied'],
      [405, 'unsupported'],
      [502, 'unreachable'],
      [503, 'unreachable'],
      [504, 'unreachable'],
      [204, 'service'],
      [307, 'service'],
      [429, 'service'],
    ] as const) {
      test(`answer ${status} is ${code}`, async (t) => {
        const intercept: FakeOptions['intercept'] = (request, response) => {
          if (request.method !== 'POST') return false;
          response.writeHead(status).end('as it\n were.');
          return true;
        };
        const { asked } = await open(t, { intercept });
        await assert.rejects(
          asked.checkpoint(container('app'), 5, signal),
          failsWith(code, status === 204 ? /204/ : /as it were/),
        );
      });
    }
  });
}

test('the API server is asked once for a pod, and not at all for a node that is named', async (t) => {
  const { asked, requests } = await proxied(t);
  await asked.runningContainers({ namespace: 'default', pod: 'web-0' }, signal);
  const { node } = await asked.checkpoint(container('app'), 5, signal);
  await asked.checkpoint(container('proxy'), 5, signal);
  assert.equal(node, 'node-a');
  assert.deepEqual(requests, [
    'GET /api/v1/namespaces/default/pods/web-0',
    'POST /api/v1/nodes/node-a/proxy/checkpoint/default/web-0/app?timeout=5',
    'POST /api/v1/nodes/node-a/proxy/checkpoint/default/web-0/proxy?timeout=5',
  ]);
  const { address, requests: more, ...files } = await serve(t, apiServer('node-a', { pods: [POD] }));
  const endpoint = new Endpoint({ url: new URL(`https://${address}`), verify: true, ...files });
  await new ApiServer(endpoint, 'node-a').checkpoint(container('app'), 5, signal);
  assert.equal(more.length, 1);
  const elsewhere = new ApiServer(endpoint, 'node-b').checkpoint(container('app'), 5, signal);
  await assert.rejects(elsewhere, failsWith('not-found', /nodes "node-b" not found/));
});

test('a pod that is on no node yet', async (t) => {
  const {
    address,
    requests: _,
    ...files
  } = await serve(t, (_request, response) => {
    response.end(JSON.stringify({ metadata: { namespace: 'default', name: 'web-0' }, spec: {}, status: {} }));
  });
  const asked = new ApiServer(new Endpoint({ url: new URL(`https://${address}`), verify: true, ...files }));
  await assert.rejects(asked.checkpoint(container('app'), 5, signal), failsWith('not-found', /on no node yet/));
});

test("the API server's own user may lack the kubelet's permission", async (t) => {
  const intercept: FakeOptions['intercept'] = (_, response) => {
    response.writeHead(403);
    response.end('Forbidden (user=kube-apiserver-kubelet-client, verb=create, resource=nodes, subresource=checkpoint)');
    return true;
  };
  const { asked } = await proxied(t, { intercept });
  const checkpoint = asked.checkpoint(container('app'), 5, signal);
  await assert.rejects(
    checkpoint,
    failsWith('access-denied', /user=kube-apiserver-kubelet-client.*API server's own user/),
  );
});
