import type { Buckets } from './buckets.ts';
import type { Content } from './content.ts';
import type { Database } from './database.ts';
import type { Objects } from './objects.ts';
import type { S3Request } from './request.ts';
import type { Uploads } from './uploads.ts';
import { type XmlFields, xmlDocument } from './xml.ts';

/** What operations work on. */
export interface Stores {
  readonly region: string;
  readonly database: Database;
  readonly buckets: Buckets;
  readonly objects: Objects;
  readonly uploads: Uploads;
  readonly content: Content;
  /** Of the endpoints of other regions, from which copies are made as well; undefined in the place of one that is closed. */
  readonly peers: () => readonly (Stores | undefined)[];
}

export interface S3Response {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes need a `content-length` in `headers`; a HEAD's headers go without them. */
  readonly body?: string | AsyncIterable<Buffer>;
}

export type Run = (request: S3Request, stores: Stores) => S3Response | Promise<S3Response>;

/** One of S3's operations, and the requests that are it. */
export interface Operation {
  /** As in S3's API reference. */
  readonly name: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly on: 'service' | 'bucket' | 'object';
  /** Names that must all be in the query, or `name=value`. */
  readonly query?: readonly string[];
  /** A header that must be there. */
  readonly header?: string;
  readonly run: Run;
}

export function xmlResponse(root: string, fields: XmlFields, headers: Record<string, string> = {}): S3Response {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: xmlDocument(root, fields) };
}

export function emptyResponse(status: 200 | 204, headers: Record<string, string> = {}): S3Response {
  return { status, headers };
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}
