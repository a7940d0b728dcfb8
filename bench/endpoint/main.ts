/** The endpoint as a process of its own, which its parent drives by messages and which ends with it. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { Endpoint, type EndpointOptions } from './server.ts';

/** Each is answered with `{ id, value }`. */
export type Order =
  | { readonly id: number; readonly do: 'place'; readonly name: string; readonly path: string }
  | { readonly id: number; readonly do: 'remove'; readonly name: string }
  | { readonly id: number; readonly do: 'take' };

const READ_BYTES = 64 * 1024 * 1024;

const endpoint = new Endpoint(JSON.parse(process.argv[2] ?? '{}') as EndpointOptions);
process.on('disconnect', () => process.exit());
process.on('message', (order: Order) => process.send?.({ id: order.id, value: obey(order) }));
endpoint.server.listen(0, '127.0.0.1', () => {
  const { port } = endpoint.server.address() as AddressInfo;
  process.send?.({ id: 0, value: port });
});

function obey(order: Order): unknown {
  switch (order.do) {
    case 'place':
      return void endpoint.store.place(order.name, readWhole(order.path));
    case 'remove':
      return void endpoint.store.remove(order.name);
    case 'take':
      return endpoint.take();
  }
}

/** `readFile` stops at 2 GiB. */
function readWhole(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafeSlow(fstatSync(file).size);
    for (let at = 0; at < bytes.length; ) {
      at += readSync(file, bytes, at, Math.min(READ_BYTES, bytes.length - at), at);
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
