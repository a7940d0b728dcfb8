import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { PodfreightError } from '../../core/errors.ts';
import { ApiServer } from './api-server.ts';
import type { Checkpointer } from './checkpointer.ts';
import { Endpoint } from './endpoint.ts';
import { Kubelet } from './kubelet.ts';
import { isSubdomain } from './target.ts';

/** Whom to ask, and how to know each other. */
export interface ConnectFlags {
  readonly kubelet?: string;
  readonly kubeletCa?: string;
  readonly server?: string;
  readonly caFile?: string;
  readonly nodeName?: string;
  readonly tokenFile?: string;
  readonly insecureSkipTlsVerify?: boolean;
}

const KUBELET_PORT = 10250;

/** Where Kubernetes puts a pod's own `token` and `ca.crt`. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The kubelet that is named, else the API server that is named or that this pod belongs to.
 * @throws PodfreightError `usage` for flags that are wrong, do not go together, or are missing
 */
export function connect(
  flags: ConnectFlags,
  environment: NodeJS.ProcessEnv = process.env,
  serviceAccount = SERVICE_ACCOUNT,
): Checkpointer {
  if (flags.kubelet !== undefined) {
    refuse(flags, ['server', 'caFile', 'nodeName'], 'goes through the API server, and --kubelet past it');
    return new Kubelet(endpointOf(kubeletUrl(flags.kubelet), flags.kubeletCa, flags, serviceAccount));
  }
  refuse(flags, ['kubeletCa'], 'needs --kubelet; the API server knows by itself how to trust kubelets');
  const { nodeName } = flags;
  if (nodeName !== undefined && !isSubdomain(nodeName)) {
    throw usage(`--node-name must be a node's name, and not ${JSON.stringify(nodeName)}.`);
  }
  return new ApiServer(endpointOf(serverUrl(flags.server, environment), flags.caFile, flags, serviceAccount), nodeName);
}

const FLAGS = { server: '--server', caFile: '--ca-file', nodeName: '--node-name', kubeletCa: '--kubelet-ca' } as const;

function refuse(flags: ConnectFlags, names: readonly (keyof typeof FLAGS)[], why: string): void {
  const given = names.find((name) => flags[name] !== undefined);
  if (given !== undefined) throw usage(`${FLAGS[given]} ${why}.`);
}

function endpointOf(url: URL, ca: string | undefined, flags: ConnectFlags, serviceAccount: string): Endpoint {
  const verify = flags.insecureSkipTlsVerify !== true;
  if (url.protocol === 'http:') {
    if (flags.tokenFile === undefined && ca === undefined) return new Endpoint({ url, verify });
    throw usage(`A token or certificates are for https, and ${url.origin} is not.`);
  }
  const tokenFile = flags.tokenFile ?? ifThere(`${serviceAccount}/token`);
  if (tokenFile === undefined) throw usage(`Nothing says by which token ${url.host} knows us: give --token-file.`);
  return new Endpoint({ url, tokenFile, caFile: ca ?? ifThere(`${serviceAccount}/ca.crt`), verify });
}

function ifThere(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

function kubeletUrl(text: string): URL {
  const host = isIPv6(text) ? `[${text}]` : text;
  const url = parseUrl(`https://${host}${/:\d+$/.test(host) && !host.endsWith(']') ? '' : `:${KUBELET_PORT}`}`);
  if (
    url === undefined ||
    url.host === '' ||
    text.includes('/') ||
    url.pathname + url.search + url.hash !== '/' ||
    url.username !== ''
  ) {
    throw usage(`--kubelet must be host or host:port, and not ${JSON.stringify(text)}.`);
  }
  return url;
}

function serverUrl(flag: string | undefined, environment: NodeJS.ProcessEnv): URL {
  if (flag === undefined) return inCluster(environment);
  const url = parseUrl(flag);
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isThisMachine(url));
  if (isSafe && url.username === '') return url;
  throw usage(
    `--server must be an https:// address, or an http:// one of this machine as "kubectl proxy" offers, and not ${JSON.stringify(flag)}.`,
  );
}

function inCluster({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' }: NodeJS.ProcessEnv): URL {
  const url = host ? parseUrl(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`) : undefined;
  if (url !== undefined) return url;
  throw usage(
    'Nothing says whom to ask: give --kubelet <host> for a node, or --server <url> for the API server ("kubectl proxy" makes http://127.0.0.1:8001).',
  );
}

function isThisMachine({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function usage(message: string): PodfreightError {
  return new PodfreightError('usage', message);
}
