import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Buckets } from './buckets.ts';
import { Content } from './content.ts';
import { Database } from './database.ts';
import { EventQueue, type S3Event } from './events.ts';
import { Exchange, type RequestRecord } from './exchange.ts';
import type { Faults } from './faults.ts';
import { Objects } from './objects.ts';
import type { Stores } from './operation.ts';
import type { Authorize } from './request.ts';
import { Uploads } from './uploads.ts';

export type { S3Event } from './events.ts';
export type { RequestRecord } from './exchange.ts';
export type { Fault, FaultRequest, Faults } from './faults.ts';
export type { Authorize } from './request.ts';

export interface S3Options {
  /** Where buckets live; made when missing. One endpoint at a time. */
  readonly dir: string;
  /** Access key id → secret access key. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly region: string;
  /** Default: any free one. */
  readonly port?: number;
  /** 12 digits, for events. */
  readonly accountId?: string;
  /** The endpoints of other regions: copies may be made from their buckets. */
  readonly peers?: () => readonly S3Endpoint[];
  /** Default: everybody known may do everything. */
  readonly authorize?: Authorize;
  readonly faults?: Faults;
  /** Called when a request has been answered. */
  readonly onRequest?: (record: RequestRecord) => void;
  /**
   * Called for each change in a bucket that sends its events to EventBridge, one at a time and in order, until it
   * succeeds. What it has not taken when the process dies comes at the next start.
   */
  readonly onEvent?: (event: S3Event) => void | Promise<void>;
}

export interface S3Endpoint {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** What a peer copies from; undefined once this is closed. */
  readonly stores: Stores | undefined;
  /** Ends all connections and lets go of the folder; once is enough. */
  close(): Promise<void>;
}

/**
 * Starts the S3 endpoint on 127.0.0.1.
 * @throws Error when the port or the folder is in use
 */
export async function startS3(options: S3Options): Promise<S3Endpoint> {
  const { dir, region, accountId = '000000000000' } = options;
  mkdirSync(dir, { recursive: true });
  const database = new Database(join(dir, 'index.sqlite'));
  const content = new Content(database, join(dir, 'content'));
  const events = new EventQueue(database, { accountId, region }, options.onEvent);
  const stores: Stores = {
    region,
    database,
    content,
    buckets: new Buckets(database),
    objects: new Objects(database, content, events),
    uploads: new Uploads(database, content),
    peers: () => (options.peers?.() ?? []).map((peer) => peer.stores),
  };

  const running = new Set<Promise<void>>();
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const id = randomBytes(8).toString('hex').toUpperCase();
    const exchange = new Exchange({ id, incoming, outgoing, stores, options });
    const done: Promise<void> = exchange.run().finally(() => running.delete(done));
    running.add(done);
  };
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, answer);
  server.on('checkContinue', answer);

  const end = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    await Promise.all(running);
    await events.close();
    await content.settle();
    database.close();
  };
  let ended: Promise<void> | undefined;
  const close = () => {
    ended ??= end();
    return ended;
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
  } catch (error) {
    await events.close();
    database.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get stores() {
      return ended === undefined ? stores : undefined;
    },
    close,
  };
}
