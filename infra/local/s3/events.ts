import { randomUUID } from 'node:crypto';
import type { Database } from './database.ts';

/** What changed, before it is dressed as an event. */
export interface ObjectChange {
  readonly bucket: string;
  readonly key: string;
  /** Absent where the bucket has no versions. */
  readonly versionId?: string;
  readonly sequence: number;
  readonly requestId: string;
  readonly change:
    | {
        readonly kind: 'created';
        readonly reason: 'PutObject' | 'CopyObject' | 'CompleteMultipartUpload';
        readonly sizeBytes: number;
        readonly etag: string;
      }
    | { readonly kind: 'deleted'; readonly deletionType: 'Permanently Deleted' | 'Delete Marker Created' };
}

/**
 * An event as S3 sends it to EventBridge.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export interface S3Event {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': 'Object Created' | 'Object Deleted';
  readonly source: 'aws.s3';
  readonly account: string;
  /** ISO 8601 UTC, whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly [string];
  readonly detail: {
    readonly version: '0';
    readonly bucket: { readonly name: string };
    readonly object: {
      readonly key: string;
      readonly size?: number;
      /** Without quotes. */
      readonly etag?: string;
      readonly 'version-id'?: string;
      /** Hexadecimal; of two events for one key the later has the greater, compared as strings. */
      readonly sequencer: string;
    };
    readonly 'request-id': string;
    readonly requester: string;
    readonly 'source-ip-address': string;
    readonly reason: 'PutObject' | 'CopyObject' | 'CompleteMultipartUpload' | 'DeleteObject';
    readonly 'deletion-type'?: 'Permanently Deleted' | 'Delete Marker Created';
  };
}

export type EventListener = (event: S3Event) => void | Promise<void>;

const SEQUENCER_DIGITS = 18;

/** The etag that S3 gives a delete marker: that of nothing. */
const MARKER_ETAG = 'd41d8cd98f00b204e9800998ecf8427e';

const RETRY_MS = 250;

/**
 * Hands events to the listener one after the other. They are recorded in the transaction that makes the change and
 * forgotten when the listener is done, so none is lost when the process dies; one may then come twice.
 */
export class EventQueue {
  readonly #database: Database;
  readonly #listener: EventListener | undefined;
  readonly #place: { readonly accountId: string; readonly region: string };
  #running: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(
    database: Database,
    place: { readonly accountId: string; readonly region: string },
    listener: EventListener | undefined,
  ) {
    this.#database = database;
    this.#place = place;
    this.#listener = listener;
    this.#wake();
  }

  /** Inside a transaction. */
  record(change: ObjectChange): void {
    if (this.#listener === undefined) return;
    const event = eventOf(change, this.#place);
    this.#database.run('INSERT INTO event VALUES(?, ?)', change.sequence, JSON.stringify(event));
    setImmediate(() => this.#wake());
  }

  /** Waits for the listener to finish with the event it has; the others stay for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  #wake(): void {
    if (this.#listener === undefined || this.#closing.signal.aborted) return;
    this.#running ??= this.#deliver(this.#listener).finally(() => {
      this.#running = undefined;
    });
  }

  async #deliver(listener: EventListener): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const next = this.#database.get<{ sequence: number; document: string }>(
        'SELECT sequence, document FROM event ORDER BY sequence LIMIT 1',
      );
      if (next === undefined) return;
      try {
        await listener(JSON.parse(next.document) as S3Event);
      } catch (error) {
        console.error('An S3 event was not taken and will be sent again:', error);
        await pause(RETRY_MS, this.#closing.signal);
        continue;
      }
      this.#database.run('DELETE FROM event WHERE sequence = ?', next.sequence);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function eventOf(
  { bucket, key, versionId, sequence, requestId, change }: ObjectChange,
  { accountId, region }: { readonly accountId: string; readonly region: string },
): S3Event {
  const created = change.kind === 'created';
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': created ? 'Object Created' : 'Object Deleted',
    source: 'aws.s3',
    account: accountId,
    time: new Date().toISOString().replace(/\.\d+/, ''),
    region,
    resources: [`arn:aws:s3:::${bucket}`],
    detail: {
      version: '0',
      bucket: { name: bucket },
      object: {
        key,
        ...(created ? { size: change.sizeBytes, etag: change.etag } : {}),
        ...(!created && change.deletionType === 'Delete Marker Created' ? { etag: MARKER_ETAG } : {}),
        ...(versionId === undefined ? {} : { 'version-id': versionId }),
        sequencer: sequence.toString(16).padStart(SEQUENCER_DIGITS, '0').toUpperCase(),
      },
      'request-id': requestId,
      requester: accountId,
      'source-ip-address': '127.0.0.1',
      reason: created ? change.reason : 'DeleteObject',
      ...(created ? {} : { 'deletion-type': change.deletionType }),
    },
  };
}
