/**
 * A lean S3 for measuring clients. It checks no signature, answers GETs from memory and keeps of what is uploaded only the
 * size, so that it takes little of the processors it shares with the client.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Answer,
  elements,
  errorAnswer,
  listAnswer,
  metadataOf,
  objectAnswer,
  receivedAnswer,
  xmlAnswer,
} from './answer.ts';
import { type Operation, operationOf } from './operation.ts';
import { Store } from './store.ts';

/** What passed since the last time it was asked. */
export interface Counts {
  readonly requests: Readonly<Partial<Record<Operation, number>>>;
  /** Of bodies, as they were meant: without the framing of aws-chunked. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of the endpoint itself. */
  readonly cpuSeconds: number;
}

export interface EndpointOptions {
  /** Each answer begins so much later. */
  readonly latencyMs: number;
  /** In PEM; without it plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

interface Exchange {
  /** `bucket/key` */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly body: { readonly sizeBytes: number; readonly md5: string };
}

const SEND_BYTES = 1024 * 1024;

export class Endpoint {
  readonly server: Server;
  readonly store = new Store();
  readonly #latencyMs: number;
  #counts = { requests: {} as Partial<Record<Operation, number>>, bytesIn: 0, bytesOut: 0 };
  #cpu = process.cpuUsage();

  constructor({ latencyMs, tls }: EndpointOptions) {
    this.#latencyMs = latencyMs;
    const options = { requestTimeout: 0, keepAliveTimeout: 60_000 };
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    this.server = tls === undefined ? createServer(options, answer) : createTlsServer({ ...options, ...tls }, answer);
  }

  /** Reports and begins anew; what was uploaded is forgotten. */
  take(): Counts {
    const { user, system } = process.cpuUsage(this.#cpu);
    const counts = { ...this.#counts, cpuSeconds: (user + system) / 1e6 };
    this.#counts = { requests: {}, bytesIn: 0, bytesOut: 0 };
    this.#cpu = process.cpuUsage();
    this.store.forgetUploads();
    return counts;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {}); // a client may leave when it likes
    try {
      const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://endpoint');
      const name = decodeURIComponent(pathname.slice(1));
      const operation = operationOf(request.method ?? '', name, query);
      this.#counts.requests[operation] = (this.#counts.requests[operation] ?? 0) + 1;
      const body = await this.#receive(request);
      if (this.#latencyMs > 0) await sleep(this.#latencyMs);
      const answer = this.#reply(operation, { name, query, request, body });
      const isHead = request.method === 'HEAD';
      if (!isHead) this.#counts.bytesOut += answer.body?.length ?? 0;
      this.#send(response, isHead ? { ...answer, body: Buffer.alloc(0) } : answer);
    } catch {
      response.destroy();
    }
  }

  async #receive(request: IncomingMessage): Promise<Exchange['body']> {
    let received = 0;
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    await new Promise((resolve, reject) => request.once('end', resolve).once('error', reject).once('close', reject));
    const { headers } = request;
    const sizeBytes = Number(headers['x-amz-decoded-content-length'] ?? received);
    this.#counts.bytesIn += sizeBytes;
    // Who sends an MD5 may compare; for all others anything of its form will do.
    const sent = headers['content-md5'];
    const md5 =
      sent === undefined ? randomUUID().replaceAll('-', '') : Buffer.from(`${sent}`, 'base64').toString('hex');
    return { sizeBytes, md5 };
  }

  #reply(operation: Operation, { name, query, request, body }: Exchange): Answer {
    const uploadId = query.get('uploadId') ?? '';
    const [, bucket = '', key = ''] = /^([^/]*)\/?(.*)$/s.exec(name) ?? [];
    switch (operation) {
      case 'GetObject':
      case 'HeadObject':
        return objectAnswer(request, this.store.get(name));
      case 'HeadBucket':
        return { status: 200 };
      case 'ListObjects': {
        const prefix = query.get('prefix') ?? '';
        return listAnswer(bucket, prefix, this.store.list(`${bucket}/${prefix}`));
      }
      case 'PutObject':
        this.store.put(name, body, metadataOf(request));
        return receivedAnswer(request, body.md5);
      case 'CreateMultipartUpload': {
        const UploadId = this.store.createUpload(metadataOf(request));
        return xmlAnswer('InitiateMultipartUploadResult', elements({ Bucket: bucket, Key: key, UploadId }));
      }
      case 'UploadPart': {
        const isThere = this.store.putPart(uploadId, Number(query.get('partNumber')), body);
        return isThere ? receivedAnswer(request, body.md5) : errorAnswer(404, 'NoSuchUpload');
      }
      case 'CompleteMultipartUpload': {
        const object = this.store.completeUpload(uploadId, name);
        if (object === undefined) return errorAnswer(404, 'NoSuchUpload');
        return xmlAnswer('CompleteMultipartUploadResult', elements({ ETag: object.etag }));
      }
      case 'AbortMultipartUpload':
        this.store.abortUpload(uploadId);
        return { status: 204 };
      case 'Unknown':
        return errorAnswer(501, 'NotImplemented');
    }
  }

  #send(response: ServerResponse, { status, headers, body }: Answer): void {
    response.writeHead(status, headers);
    let at = 0;
    const send = () => {
      while (body !== undefined && at < body.length) {
        const piece = body.subarray(at, at + SEND_BYTES);
        at += piece.length;
        if (!response.write(piece)) {
          response.once('drain', send);
          return;
        }
      }
      response.end();
    };
    send();
  }
}
