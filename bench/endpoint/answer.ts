import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Metadata, StoredObject } from './store.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer;
}

const META = 'x-amz-meta-';
const PLACED_AT = new Date('2026-11-22T13:20:00Z');

export function metadataOf({ headers }: IncomingMessage): Metadata {
  const entries = Object.entries(headers).filter(([name]) => name.startsWith(META));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(META.length), String(value)]));
}

/** To an uploaded body: its ETag, and the checksum that came with it. */
export function receivedAnswer({ headers }: IncomingMessage, md5: string): Answer {
  const isChecksum = (name: string) => /^x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)$/.test(name);
  const checksums = Object.entries(headers).filter(([name]) => isChecksum(name));
  return { status: 200, headers: { etag: `"${md5}"`, 'content-length': 0, ...Object.fromEntries(checksums) } };
}

/** To a GET or HEAD, of a range or of all. */
export function objectAnswer({ headers }: IncomingMessage, object: StoredObject | undefined): Answer {
  if (object === undefined) return errorAnswer(404, 'NoSuchKey');
  const { sizeBytes, etag, metadata, bytes } = object;
  const [asked, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const isSuffix = asked !== undefined && first === '';
  const start = isSuffix ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = isSuffix || last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  if (asked !== undefined && start >= end) return errorAnswer(416, 'InvalidRange');
  return {
    status: asked === undefined ? 200 : 206,
    headers: {
      etag,
      'accept-ranges': 'bytes',
      'content-length': end - start,
      'content-type': 'application/octet-stream',
      'last-modified': PLACED_AT.toUTCString(),
      ...(asked !== undefined && { 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` }),
      ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [META + name, value])),
    },
    ...(bytes && { body: bytes.subarray(start, end) }),
  };
}

export function listAnswer(bucket: string, prefix: string, objects: readonly [string, StoredObject][]): Answer {
  const contents = objects.map(([name, { sizeBytes, etag }]) => {
    const key = name.slice(bucket.length + 1);
    return `<Contents>${elements({ Key: key, LastModified: PLACED_AT.toISOString(), ETag: etag, Size: sizeBytes })}</Contents>`;
  });
  const fields = { Name: bucket, Prefix: prefix, KeyCount: contents.length, MaxKeys: 1000, IsTruncated: false };
  return xmlAnswer('ListBucketResult', elements(fields) + contents.join(''));
}

export function errorAnswer(status: number, code: string): Answer {
  return { ...xmlAnswer('Error', elements({ Code: code, Message: code })), status };
}

/** @param inner is XML already */
export function xmlAnswer(root: string, inner: string): Answer {
  const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<${root} ${namespace}>${inner}</${root}>`);
  return { status: 200, headers: { 'content-type': 'application/xml', 'content-length': body.length }, body };
}

/** Values must need no escaping. */
export function elements(fields: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('');
}
