import { createHash } from 'node:crypto';
import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumAlgorithm,
  checksumFields,
  DEFAULT_ALGORITHM,
  startChecksum,
} from '../checksum.ts';
import { checkCopySource, writeConditions } from '../conditions.ts';
import { type Segment, sliceSegments } from '../content.ts';
import { S3Error } from '../errors.ts';
import type { Attributes, ObjectVersion } from '../objects.ts';
import { type Operation, quoted, type Run, type Stores, xmlResponse } from '../operation.ts';
import { parseCopyRange, type Range } from '../range.ts';
import { objectArn, readAttributes, type S3Request } from '../request.ts';
import { MAX_PART_BYTES } from '../uploads.ts';
import { findObject, versionHeader } from './object.ts';
import { findUpload, partNumber } from './upload.ts';

const MAX_COPY_BYTES = 5 * 1024 ** 3;

interface CopySource {
  /** Where its bytes are. */
  readonly home: Stores;
  readonly bucket: string;
  readonly key: string;
  readonly version: ObjectVersion;
  /** What the answer says of it. */
  readonly headers: Record<string, string>;
}

/**
 * The object that `x-amz-copy-source` names (`[/]bucket/key[?versionId=…]`, encoded), its conditions checked.
 * @throws S3Error
 */
async function findSource(request: S3Request, stores: Stores): Promise<CopySource> {
  const [path = '', query = ''] = (request.headers['x-amz-copy-source'] ?? '').replace(/^\//, '').split('?');
  const decoded = decodeURIComponent(path);
  const slash = decoded.indexOf('/');
  if (slash < 1 || slash === decoded.length - 1) {
    throw new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey');
  }
  const [bucket, key] = [decoded.slice(0, slash), decoded.slice(slash + 1)];
  const versionId = new URLSearchParams(query).get('versionId') ?? undefined;
  const action = versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
  await request.allow(action, objectArn(bucket, key));
  const home = homeOf(bucket, stores);
  const { versioning } = home.buckets.get(bucket);
  const version = await findObject(request, home, { bucket, key, versionId });
  checkCopySource(request.headers, version);
  const headers: Record<string, string> =
    versioning === undefined ? {} : { 'x-amz-copy-source-version-id': version.versionId };
  return { home, bucket, key, version, headers };
}

/**
 * Here, or in another region that has the bucket.
 * @throws S3Error `ServiceUnavailable` when it may be in one that is closed
 */
function homeOf(bucket: string, stores: Stores): Stores {
  if (stores.buckets.find(bucket) !== undefined) return stores;
  const peers = stores.peers();
  const home = peers.find((peer) => peer?.buckets.find(bucket) !== undefined);
  if (home === undefined && peers.includes(undefined)) {
    throw new S3Error('ServiceUnavailable', `The region of the bucket ${bucket} does not answer.`);
  }
  return home ?? stores;
}

/** The same bytes in files of this endpoint, held until disposed of: those of another region's have to come over. */
async function bringHere(
  segments: readonly Segment[],
  { home, stores }: { home: Stores; stores: Stores },
): Promise<Disposable & { readonly segments: readonly Segment[] }> {
  using held = new DisposableStack();
  held.use(home.content.hold(segments));
  let here = segments;
  if (home !== stores) {
    const file = held.use(stores.content.create());
    await file.fill(home.content.read(segments));
    here = [{ file: file.file, start: 0, length: segments.reduce((sum, { length }) => sum + length, 0) }];
  }
  const kept = held.move();
  return { segments: here, [Symbol.dispose]: () => kept.dispose() };
}

/** A copy shares the source's files; they are read only for the digests of the new object or part. */
async function digest(
  segments: readonly Segment[],
  algorithm: ChecksumAlgorithm,
  { content }: Stores,
): Promise<{ etag: string; checksum: Checksum }> {
  const md5 = createHash('md5');
  const hash = startChecksum(algorithm);
  for await (const bytes of content.read(segments)) {
    md5.update(bytes);
    hash.update(bytes);
  }
  const checksum = { algorithm, type: 'FULL_OBJECT', value: hash.digest().toString('base64') } as const;
  return { etag: md5.digest('hex'), checksum };
}

function checkSize({ start, end }: Range, limitBytes: number): void {
  if (end - start <= limitBytes) return;
  throw new S3Error(
    'InvalidRequest',
    `The specified copy source is larger than the maximum allowable size for a copy source: ${limitBytes}`,
  );
}

const copyObject: Run = async (request, stores) => {
  await request.allow('s3:PutObject', request.objectArn);
  const source = await findSource(request, stores);
  stores.buckets.get(request.bucket);
  const { version } = source;
  const attributes = copiedAttributes(request, source);
  checkSize({ start: 0, end: version.sizeBytes }, MAX_COPY_BYTES);
  const chosen = request.headers['x-amz-checksum-algorithm'];
  const algorithm =
    chosen === undefined ? (version.attributes.checksum?.algorithm ?? DEFAULT_ALGORITHM) : checksumAlgorithm(chosen);
  using here = await bringHere(source.home.objects.segments(version), { home: source.home, stores });
  const { segments } = here;
  const { etag, checksum } = await digest(segments, algorithm, stores);
  const bucket = stores.buckets.get(request.bucket);
  const copy = stores.objects.put(
    bucket,
    request.key,
    { sizeBytes: version.sizeBytes, etag, attributes: { ...attributes, checksum }, segments },
    { conditions: writeConditions(request.headers), reason: 'CopyObject', requestId: request.id },
  );
  return xmlResponse(
    'CopyObjectResult',
    { ETag: quoted(etag), LastModified: copy.modifiedAt, ...checksumFields(checksum) },
    { ...source.headers, ...(bucket.versioning === 'Enabled' ? versionHeader(bucket.versioning, copy) : {}) },
  );
};

function copiedAttributes(request: S3Request, source: CopySource): Attributes {
  const given = readAttributes(request.headers);
  const replaceHeaders = request.headers['x-amz-metadata-directive'] === 'REPLACE';
  const replaceTags = request.headers['x-amz-tagging-directive'] === 'REPLACE';
  const toItself = source.bucket === request.bucket && source.key === request.key && source.version.latest;
  if (toItself && !replaceHeaders) {
    throw new S3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  return {
    headers: replaceHeaders ? given.headers : source.version.attributes.headers,
    tags: replaceTags ? given.tags : source.version.attributes.tags,
  };
}

const uploadPartCopy: Run = async (request, stores) => {
  await request.allow('s3:PutObject', request.objectArn);
  const number = partNumber(request);
  const upload = findUpload(request, stores);
  const { home, version, headers } = await findSource(request, stores);
  const range = parseCopyRange(request.headers['x-amz-copy-source-range'], version.sizeBytes);
  checkSize(range, MAX_PART_BYTES);
  const slice = sliceSegments(home.objects.segments(version), range.start, range.end);
  using here = await bringHere(slice, { home, stores });
  const { segments } = here;
  const algorithm = upload.checksum?.algorithm ?? 'CRC32';
  const { etag, checksum } = await digest(segments, algorithm, stores);
  const part = stores.uploads.putPart(upload, { number, sizeBytes: range.end - range.start, etag, checksum }, segments);
  const { ChecksumType: _, ...sum } = upload.checksum ? checksumFields(checksum) : {};
  return xmlResponse('CopyPartResult', { ETag: quoted(etag), LastModified: part.modifiedAt, ...sum }, headers);
};

export const copyOperations: readonly Operation[] = [
  { name: 'CopyObject', method: 'PUT', on: 'object', header: 'x-amz-copy-source', run: copyObject },
  {
    name: 'UploadPartCopy',
    method: 'PUT',
    on: 'object',
    query: ['uploadId', 'partNumber'],
    header: 'x-amz-copy-source',
    run: uploadPartCopy,
  },
];
