import { type LookupAddress, type LookupAllOptions, type LookupOptions, lookup } from 'node:dns';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ReadInto } from './connection.ts';

/** Until the next address of a name is tried. Node.js's own quarter of a second is less than some lines need. */
const ADDRESS_MS = 1_000;

/** A server, as far as connections to it are alike. */
export interface Origin {
  readonly secure: boolean;
  /** An IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** Opens connections to one server, one address after the other, when its name has several. */
export class Dialler {
  readonly #origin: Origin;
  readonly #lookup = rotatingLookup();
  /** Of the last TLS connection: spares the next one half of the handshake. */
  #session: Buffer | undefined;

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  dial(onread: ReadInto): Socket {
    const { secure, host, port } = this.#origin;
    const options = {
      host,
      port,
      noDelay: true,
      keepAlive: true,
      lookup: this.#lookup,
      autoSelectFamilyAttemptTimeout: ADDRESS_MS,
      onread,
    };
    if (!secure) return connectTcp(options);
    const socket = connectTls({
      ...options,
      servername: isIP(host) === 0 ? host : '',
      ALPNProtocols: ['http/1.1'],
      ...(this.#session && { session: this.#session }),
    });
    socket.on('session', (session) => {
      this.#session = session;
    });
    return socket;
  }
}

/** S3's names have many addresses, in an order that the system's resolver may keep for ever. */
function rotatingLookup(): LookupFunction {
  let turn = 0;
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true } as LookupAllOptions, (error, addresses) => {
      if (error) return callback(error, []);
      turn += 1;
      const from = turn % addresses.length;
      const rotated: LookupAddress[] = [...addresses.slice(from), ...addresses.slice(0, from)];
      if ((options as LookupOptions).all) callback(null, rotated);
      else callback(null, rotated[0]!.address, rotated[0]!.family);
    });
  };
}
