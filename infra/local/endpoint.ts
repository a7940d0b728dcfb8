import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A service listening on 127.0.0.1. */
export interface Endpoint extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Cuts what is under way and stops listening. */
  close(): Promise<void>;
}

/**
 * @param server already listening
 * @param close what ends it, where that takes more than closing the server
 */
export function endpointOf(server: Server, close = () => closeServer(server)): Endpoint {
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, close, [Symbol.asyncDispose]: close };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
