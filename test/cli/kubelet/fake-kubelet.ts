import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { selfSigned } from './certificate.ts';

export const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln';

/** A container of the fake node: how it runs, and what the engine says when it shall be checkpointed. */
export interface FakeContainer {
  readonly running?: boolean;
  /** The text of CRI's error. */
  readonly error?: string;
  /** Instead of any answer. */
  readonly answer?: (response: ServerResponse) => void;
}

export interface FakePod {
  readonly namespace: string;
  readonly name: string;
  readonly containers: Readonly<Record<string, FakeContainer>>;
  readonly sidecars?: Readonly<Record<string, FakeContainer>>;
}

export interface FakeOptions {
  readonly pods?: readonly FakePod[];
  /** The kubelet's `--root-dir`. */
  readonly rootDir?: string;
  /** False: the gate ContainerCheckpoint is off. */
  readonly gate?: boolean;
  /** What the token may, as `verb subresource`. */
  readonly allowed?: readonly string[];
  /** Before all else. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Whom its certificate is for. */
  readonly host?: string;
  readonly validUntil?: Date;
}

/** A server with TLS on 127.0.0.1, and the files that a client needs. */
export interface FakeServer {
  readonly address: string;
  readonly tokenFile: string;
  readonly caFile: string;
  /** `METHOD path` of each, in order. */
  readonly requests: string[];
}

const TAKEN_AT = '2026-11-22T13:20:00Z';

/** What the kubelet calls the archive of a container. */
export function archiveName({ namespace, name }: FakePod, container: string): string {
  return `checkpoint-${name}_${namespace}-${container}-${TAKEN_AT}.tar`;
}

/** Answers as a kubelet does, word for word. @see pkg/kubelet/server/server.go of Kubernetes */
export function kubelet(options: FakeOptions): RequestListener {
  const { pods = [], rootDir = '/var/lib/kubelet', gate = true, allowed = ['create checkpoint', 'get pods'] } = options;
  return (request, response) => {
    const say = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
    if (options.intercept?.(request, response)) return;
    const { pathname, searchParams } = new URL(request.url!, 'https://kubelet');
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return say(401, 'Unauthorized');
    const verb = request.method === 'POST' ? 'create' : 'get';
    const subresource = pathname.split('/')[1]!;
    if (!allowed.includes(`${verb} ${subresource}`)) {
      return say(403, `Forbidden (user=test, verb=${verb}, resource=nodes, subresource=${subresource})`);
    }
    if (verb === 'get')
      return response.end(JSON.stringify({ kind: 'PodList', items: pods.map((pod) => podJson(pod)) }));
    if (!gate) return say(404, '404: Page Not Found');
    const [, , namespace, podName, containerName = ''] = pathname.split('/');
    const pod = pods.find((candidate) => candidate.namespace === namespace && candidate.name === podName);
    if (pod === undefined) return say(404, 'pod does not exist');
    const container = { ...pod.containers, ...pod.sidecars }[containerName];
    if (container === undefined) return say(404, `container ${containerName} does not exist`);
    if (!/^\d+$/.test(searchParams.get('timeout') ?? '0')) return say(404, 'cannot parse value of timeout parameter');
    if (container.answer !== undefined) return container.answer(response);
    if (container.error !== undefined) {
      return say(500, `checkpointing of ${namespace}/${podName}/${containerName} failed (${container.error})`);
    }
    const path = `${rootDir}/checkpoints/${archiveName(pod, containerName)}`;
    response.writeHead(200, { 'content-type': 'application/json' }).end(`{"items":["${path}"]}`);
  };
}

/** Answers as an API server does, and as the kubelet of the one node behind its proxy. */
export function apiServer(node: string, options: FakeOptions): RequestListener {
  const { pods = [], allowed = ['get pods', 'create nodes/proxy'] } = options;
  const behind = kubelet({ ...options, allowed: ['create checkpoint'] });
  return (request, response) => {
    const status = (code: number, reason: string, message: string) =>
      response
        .writeHead(code, { 'content-type': 'application/json' })
        .end(
          JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }),
        );
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return status(401, 'Unauthorized', 'Unauthorized');
    const [, , , kind, name = '', sub, third] = new URL(request.url!, 'https://api').pathname.split('/');
    const [verb, resource] = kind === 'nodes' ? ['create', 'nodes/proxy'] : ['get', 'pods'];
    if (!allowed.includes(`${verb} ${resource}`)) {
      return status(403, 'Forbidden', `${resource} is forbidden: User "test" cannot ${verb} resource "${resource}"`);
    }
    if (kind === 'nodes') {
      if (name !== node) return status(404, 'NotFound', `nodes "${name}" not found`);
      request.url = request.url!.replace(`/api/v1/nodes/${name}/${sub}`, '');
      return behind(request, response);
    }
    const pod = pods.find((candidate) => candidate.namespace === name && candidate.name === third);
    if (pod === undefined) return status(404, 'NotFound', `pods "${third}" not found`);
    response.end(JSON.stringify({ kind: 'Pod', apiVersion: 'v1', ...podJson(pod, node) }));
  };
}

function podJson({ namespace, name, containers, sidecars = {} }: FakePod, nodeName?: string) {
  const statuses = (all: Readonly<Record<string, FakeContainer>>) =>
    Object.entries(all).map(([container, { running = true }]) => ({
      name: container,
      state: running ? { running: { startedAt: TAKEN_AT } } : { terminated: { exitCode: 0 } },
    }));
  return {
    metadata: { namespace, name },
    spec: { nodeName, containers: Object.keys(containers).map((container) => ({ name: container })) },
    status: { containerStatuses: statuses(containers), initContainerStatuses: statuses(sidecars) },
  };
}

/** Serves until the test ends. */
export async function serve(
  test: TestContext,
  listener: RequestListener,
  options: FakeOptions = {},
): Promise<FakeServer> {
  const { host = '127.0.0.1', validUntil } = options;
  const { key, cert } = selfSigned(host, validUntil && { validUntil });
  const requests: string[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const folder = await mkdtemp(join(tmpdir(), 'podfreight-test-'));
  test.after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });
  const [tokenFile, caFile] = [join(folder, 'token'), join(folder, 'ca.crt')];
  await writeFile(tokenFile, `${TOKEN}\n`);
  await writeFile(caFile, cert);
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, tokenFile, caFile, requests };
}
