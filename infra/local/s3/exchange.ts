import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { conditionKeys } from './condition-keys.ts';
import { type ErrorAnswer, errorDocument, S3Error } from './errors.ts';
import type { Fault } from './faults.ts';
import type { S3Response, Stores } from './operation.ts';
import { Payload } from './payload.ts';
import { parseTarget, S3Request } from './request.ts';
import { route } from './router.ts';
import type { S3Options } from './server.ts';
import { authenticate } from './signature.ts';

/** One request, after it was answered. */
export interface RequestRecord {
  /** As in S3's API reference; `Unknown` when it was none. */
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  /** Of the sender; absent when it was not told, or not believed. */
  readonly accessKeyId?: string;
  /** The header, when a range was asked for. */
  readonly range?: string;
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  /** The error's code. */
  readonly code?: string;
  /** Of the payload, without the framing of aws-chunked. */
  readonly bytesIn: number;
  /** Of the answer's body. */
  readonly bytesOut: number;
  readonly milliseconds: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The connection is to end without an answer. */
class Dropped extends Error {}

/** One request and its answer. */
export class Exchange {
  readonly #id: string;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #stores: Stores;
  readonly #options: S3Options;
  readonly #record: Mutable<RequestRecord> = {
    operation: 'Unknown',
    bucket: '',
    key: '',
    status: 0,
    bytesIn: 0,
    bytesOut: 0,
    milliseconds: 0,
  };

  constructor(parts: {
    id: string;
    incoming: IncomingMessage;
    outgoing: ServerResponse;
    stores: Stores;
    options: S3Options;
  }) {
    this.#id = parts.id;
    this.#incoming = parts.incoming;
    this.#outgoing = parts.outgoing;
    this.#stores = parts.stores;
    this.#options = parts.options;
  }

  /** Never throws. */
  async run(): Promise<void> {
    const startedAt = performance.now();
    this.#incoming.on('error', () => {}); // the client is gone; whoever reads the body learns it
    try {
      await this.#answer();
    } catch (error) {
      await this.#fail(error);
    }
    this.#record.milliseconds = performance.now() - startedAt;
    this.#options.onRequest?.(this.#record);
  }

  async #answer(): Promise<void> {
    const { method = '', url = '/', headers: incomingHeaders } = this.#incoming;
    const target = parseTarget(url);
    const { range } = incomingHeaders;
    Object.assign(this.#record, { bucket: target.bucket, key: target.key, ...(range !== undefined && { range }) });
    const headers = headersOf(incomingHeaders, target.query);
    const operation = route(method, target, headers);
    this.#record.operation = operation.name;

    const fault = await this.#options.faults?.({
      operation: operation.name,
      ...target,
      headers: incomingHeaders,
    });
    if (fault !== undefined && (await this.#misbehave(fault))) return;

    const { credentials, region, authorize } = this.#options;
    const message = { method, url, headers: headersOf(incomingHeaders) };
    const sender = authenticate(message, { credentials, region, now: new Date() });
    this.#record.accessKeyId = sender.accessKeyId;
    const conditions = conditionKeys(operation.name, headers, target.query);
    const request = new S3Request(
      { id: this.#id, target, headers },
      new Payload(this.#body(), headers, sender, (bytes) => {
        this.#record.bytesIn += bytes;
      }),
      async (action, resource) =>
        (await authorize?.({ accessKeyId: sender.accessKeyId, action, resource, conditions })) ?? true,
    );
    const response = await operation.run(request, this.#stores);
    if (fault === 'drop-answer') throw new Dropped();
    if (fault === 'hang-answer') return await this.#hang();
    await this.#send(response, typeof fault === 'object' && 'cutAfterBytes' in fault ? fault.cutAfterBytes : undefined);
  }

  /** @returns whether that was all */
  async #misbehave(fault: Fault): Promise<boolean> {
    if (fault === 'drop') throw new Dropped();
    if (fault === 'hang') {
      await this.#hang();
      return true;
    }
    if (typeof fault === 'string' || !('status' in fault)) return false;
    await this.#sendError({ message: 'This was asked for.', ...fault });
    return true;
  }

  /** Until the client has had enough. */
  async #hang(): Promise<void> {
    if (!this.#outgoing.destroyed) await once(this.#outgoing, 'close');
  }

  /** The request's bytes; whoever stops reading early leaves the connection intact. */
  async *#body(): AsyncGenerator<Buffer> {
    if (this.#incoming.headers.expect !== undefined) this.#outgoing.writeContinue();
    yield* this.#incoming.iterator({ destroyOnReturn: false });
  }

  async #send({ status, headers, body = '' }: S3Response, cutAfterBytes = Number.POSITIVE_INFINITY): Promise<void> {
    const outgoing = this.#outgoing;
    const isBodiless = this.#incoming.method === 'HEAD' || status === 204 || status === 304;
    outgoing.statusCode = status;
    this.#record.status = status;
    const base = { 'x-amz-request-id': this.#id, 'x-amz-id-2': this.#id, server: 'podfreight-local-s3' };
    const length = typeof body === 'string' && !isBodiless ? { 'content-length': String(Buffer.byteLength(body)) } : {};
    for (const [name, value] of Object.entries({ ...base, ...length, ...headers })) outgoing.setHeader(name, value);
    if (!this.#incoming.complete) this.#leaveBody();
    const bytes = isBodiless ? [] : typeof body === 'string' ? [Buffer.from(body)] : body;
    await pipeline(Readable.from(this.#count(bytes, cutAfterBytes), { objectMode: true, highWaterMark: 1 }), outgoing);
  }

  /** A body that nobody wanted is read and thrown away; one the client has not begun to send must not come. */
  #leaveBody(): void {
    if (this.#incoming.headers.expect !== undefined) this.#outgoing.setHeader('connection', 'close');
    this.#incoming.resume();
  }

  async *#count(body: Iterable<Buffer> | AsyncIterable<Buffer>, cutAfterBytes: number): AsyncGenerator<Buffer> {
    for await (const bytes of body) {
      const rest = cutAfterBytes - this.#record.bytesOut;
      const piece = bytes.subarray(0, Math.min(bytes.length, rest));
      this.#record.bytesOut += piece.length;
      if (piece.length > 0) yield piece;
      if (piece.length < bytes.length) {
        this.#record.code = 'Cut';
        throw new Dropped();
      }
    }
  }

  async #fail(error: unknown): Promise<void> {
    if (error instanceof Dropped || this.#outgoing.headersSent || this.#incoming.socket.destroyed) {
      if (!this.#outgoing.headersSent) this.#record.status = 0;
      this.#incoming.socket.destroy();
      return;
    }
    const known =
      error instanceof URIError
        ? new S3Error('InvalidURI', "Couldn't parse the specified URI.")
        : error instanceof S3Error
          ? error
          : new S3Error('InternalError', 'We encountered an internal error. Please try again.');
    if (known.code === 'InternalError') console.error(`S3 ${this.#record.operation} failed:`, error);
    try {
      await this.#sendError(known, known.headers);
    } catch {
      this.#incoming.socket.destroy(); // the client went before it had the answer
    }
  }

  async #sendError(
    {
      status,
      code,
      message,
      details = {},
    }: Pick<ErrorAnswer, 'code' | 'details'> & { status: number; message?: string },
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    this.#record.code = code;
    const resource = this.#incoming.url?.split('?')[0] ?? '/';
    const body = errorDocument({ code, message: message ?? code, resource, requestId: this.#id, details });
    await this.#send({ status, headers: { 'content-type': 'application/xml', ...headers }, body });
  }
}

/**
 * @param query of a presigned URL: its `x-amz-` items count as headers, but for checksums, which S3 passes over (the SDK
 * puts that of an empty body there)
 */
function headersOf(headers: IncomingMessage['headers'], query?: URLSearchParams): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(',') : value;
  }
  if (query?.has('X-Amz-Signature')) {
    for (const [name, value] of query) if (/^x-amz-(?!.*checksum)/.test(name)) flat[name] ??= value;
  }
  return flat;
}
