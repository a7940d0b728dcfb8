import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PodfreightError } from '../../core/errors.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9464`, `[::]:9464`, `:9464` for all addresses; undefined when it is no address. */
export function parseListen(text: string): ListenAddress | undefined {
  const [, bracketed, plain = '', digits = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) return undefined;
  return { host: bracketed ?? (plain || '::'), port };
}

/** What the endpoint tells. */
export interface Told {
  metrics(): string;
  /** Why the agent does not do its work; undefined when it does. */
  illness(): string | undefined;
}

export interface Endpoint extends AsyncDisposable {
  readonly url: string;
}

/**
 * `GET /healthz` and `GET /metrics`.
 * @throws PodfreightError `conflict` when the port is in use, `access-denied`, `io`
 */
export async function listen({ host, port }: ListenAddress, told: Told): Promise<Endpoint> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 8192 },
    (request, response) => {
      const [path] = (request.url ?? '').split('?');
      const answer = (status: number, text: string, type = 'text/plain; charset=utf-8') => {
        response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
        response.end(request.method === 'HEAD' ? undefined : text);
      };
      if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET only\n');
      if (path === '/metrics') return answer(200, told.metrics(), 'text/plain; version=0.0.4; charset=utf-8');
      if (path !== '/healthz') return answer(404, 'There are /healthz and /metrics.\n');
      const illness = told.illness();
      return answer(illness === undefined ? 200 : 503, `${illness ?? 'ok'}\n`);
    },
  );
  server.maxConnections = 32;
  server.keepAliveTimeout = 5_000;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw cannotListen(host, port, cause);
  }
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${shown}:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function cannotListen(host: string, port: number, cause: unknown): PodfreightError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const [known, why] =
    { EADDRINUSE: ['conflict', 'something else does'] as const, EACCES: ['access-denied', 'it is forbidden'] as const }[
      code
    ] ?? (['io', message] as const);
  return new PodfreightError(known, `Cannot listen on ${host} port ${port}: ${why}; give another --listen.`, {
    cause,
    subject: { host, port },
  });
}
