import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { TestContext } from 'node:test';

/**
 * A port of 127.0.0.1 where nobody listens as long as the test lasts: a connection begins there. One that was free a moment
 * ago may be anybody's by now.
 */
export async function refusingPort(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const holder = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  await once(holder, 'connect');
  t.after(() => {
    holder.destroy();
    server.close();
  });
  return holder.localPort!;
}
