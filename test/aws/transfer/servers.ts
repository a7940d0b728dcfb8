import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface RawServer {
  readonly url: string;
  readonly port: number;
  /** All that ever came in. */
  readonly connections: readonly Socket[];
  /** Whole requests, head and body, on all connections. */
  readonly requests: readonly string[];
}

/** Listens on 127.0.0.1 until the test ends; then all its connections end as well. */
export async function listening(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/**
 * A server that answers with bytes as they are.
 * @param answer called for each whole request; its number counts from 1 over all connections
 */
export async function rawServer(
  t: TestContext,
  answer: (socket: Socket, number: number, request: string) => void,
): Promise<RawServer> {
  const connections: Socket[] = [];
  const requests: string[] = [];
  const port = await listening(
    t,
    createServer((socket) => {
      connections.push(socket);
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        const end = text.indexOf('\r\n\r\n') + 4;
        if (end < 4) return;
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (text.length < end + length) return;
        requests.push(text.slice(0, end + length));
        text = text.slice(end + length);
        answer(socket, requests.length, requests.at(-1)!);
      });
    }),
  );
  return { url: `http://127.0.0.1:${port}`, port, connections, requests };
}

export function ok(body: string, ...headers: string[]): string {
  return ['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...headers, '', body].join('\r\n');
}
