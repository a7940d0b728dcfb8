import { checksumElement, checksumHeaders } from '../checksum.ts';
import { checkRead, checkWrite, writeConditions } from '../conditions.ts';
import { type Segment, sliceSegments } from '../content.ts';
import { S3Error } from '../errors.ts';
import type { ObjectPart, ObjectVersion } from '../objects.ts';
import { type Operation, quoted, type Run, type Stores, xmlResponse } from '../operation.ts';
import { contentRange, parseRange, type Range } from '../range.ts';
import { readAttributes, type S3Request } from '../request.ts';
import { MAX_PART_BYTES } from '../uploads.ts';

const MAX_PUT_BYTES = MAX_PART_BYTES;

const DELETE_MARKER = { 'x-amz-delete-marker': 'true' };

/** Query names that replace a header of the answer. */
const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
];

/**
 * The object a request names, not a delete marker.
 * @throws S3Error `NoSuchKey`, `NoSuchVersion`, `MethodNotAllowed`, `AccessDenied`
 */
export async function findObject(
  request: S3Request,
  { objects }: Stores,
  { bucket, key, versionId } = request as { bucket: string; key: string; versionId: string | undefined },
): Promise<ObjectVersion> {
  const version = objects.find(bucket, key, versionId);
  if (version !== undefined && !version.marker) return version;
  if (version !== undefined && versionId !== undefined) {
    const headers = { ...DELETE_MARKER, 'x-amz-version-id': version.versionId };
    throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', { headers });
  }
  const error =
    versionId === undefined
      ? new S3Error('NoSuchKey', 'The specified key does not exist.', {
          details: { Key: key },
          headers: version === undefined ? {} : { ...DELETE_MARKER, 'x-amz-version-id': version.versionId },
        })
      : new S3Error('NoSuchVersion', 'The specified version does not exist.', {
          details: { Key: key, VersionId: versionId },
        });
  throw await request.notFound(bucket, error);
}

/** The header that names a version, in a bucket that has them. */
export function versionHeader(versioned: unknown, version: { readonly versionId: string }): Record<string, string> {
  return versioned === undefined ? {} : { 'x-amz-version-id': version.versionId };
}

export function actionOn(request: S3Request, verb: 'Get' | 'Delete' | 'Put', what = ''): string {
  return request.versionId === undefined ? `s3:${verb}Object${what}` : `s3:${verb}ObjectVersion${what}`;
}

const putObject: Run = async (request, stores) => {
  await request.allow('s3:PutObject', request.objectArn);
  const attributes = readAttributes(request.headers);
  if (attributes.tags.length > 0) await request.allow('s3:PutObjectTagging', request.objectArn);
  stores.buckets.get(request.bucket);
  if (request.payload.sizeBytes > MAX_PUT_BYTES) {
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
      details: { ProposedSize: request.payload.sizeBytes, MaxSizeAllowed: MAX_PUT_BYTES },
    });
  }
  const conditions = writeConditions(request.headers);
  checkWrite(conditions, stores.objects.find(request.bucket, request.key)); // before the body is sent in vain
  using file = stores.content.create();
  const { sizeBytes, md5, checksum } = await request.payload.read((bytes) => file.fill(bytes));
  const bucket = stores.buckets.get(request.bucket);
  const version = stores.objects.put(
    bucket,
    request.key,
    {
      sizeBytes,
      etag: md5.toString('hex'),
      attributes: { ...attributes, checksum },
      segments: [{ file: file.file, start: 0, length: sizeBytes }],
    },
    { conditions, reason: 'PutObject', requestId: request.id },
  );
  return {
    status: 200,
    headers: {
      etag: quoted(version.etag),
      ...checksumHeaders(checksum),
      ...(bucket.versioning === 'Enabled' ? versionHeader(bucket.versioning, version) : {}),
    },
  };
};

interface Description {
  readonly status: 200 | 206;
  readonly headers: Record<string, string>;
  readonly version: ObjectVersion;
  readonly range: Range;
}

/** All of the answer to GET and HEAD but the bytes. */
async function describe(request: S3Request, stores: Stores): Promise<Description> {
  await request.allow(actionOn(request, 'Get'), request.objectArn);
  const bucket = stores.buckets.get(request.bucket);
  const version = await findObject(request, stores);
  checkRead(request.headers, version);
  const { range, partsCount } = requestedRange(request, version, stores);
  const { start, end } = range ?? { start: 0, end: version.sizeBytes };
  const { headers: kept, tags, checksum } = version.attributes;
  const headers: Record<string, string> = {
    'accept-ranges': 'bytes',
    'last-modified': version.modifiedAt.toUTCString(),
    etag: quoted(version.etag),
    ...kept,
    ...versionHeader(bucket.versioning, version),
    ...(tags.length > 0 ? { 'x-amz-tagging-count': String(tags.length) } : {}),
    ...(request.headers['x-amz-checksum-mode'] === 'ENABLED' && range === undefined ? checksumHeaders(checksum) : {}),
    ...(range === undefined ? {} : { 'content-range': contentRange(range, version.sizeBytes) }),
    ...(partsCount === undefined ? {} : { 'x-amz-mp-parts-count': String(partsCount) }),
    'content-length': String(end - start),
  };
  for (const name of OVERRIDES) {
    const value = request.query.get(`response-${name}`);
    if (value !== null) headers[name] = value;
  }
  return { status: range === undefined ? 200 : 206, headers, version, range: { start, end } };
}

const headObject: Run = async (request, stores) => {
  const { status, headers } = await describe(request, stores);
  return { status, headers };
};

const getObject: Run = async (request, stores) => {
  const { status, headers, version, range } = await describe(request, stores);
  const segments = sliceSegments(stores.objects.segments(version), range.start, range.end);
  return { status, headers, body: readHeld(segments, stores.content.hold(segments), stores) };
};

/** The files stay for as long as they are read, even when the object is deleted meanwhile. */
async function* readHeld(segments: readonly Segment[], held: Disposable, { content }: Stores): AsyncGenerator<Buffer> {
  using _ = held;
  yield* content.read(segments);
}

function requestedRange(
  request: S3Request,
  version: ObjectVersion,
  { objects }: Stores,
): { range?: Range | undefined; partsCount?: number } {
  const number = request.number('partNumber', { min: 1, max: 10_000 });
  if (number === undefined) return { range: parseRange(request.headers.range, version.sizeBytes) };
  if (request.headers.range !== undefined) {
    throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  }
  const parts = objects.parts(version);
  if (number > (parts?.length ?? 1)) {
    throw new S3Error('InvalidPartNumber', 'The requested partnumber is not satisfiable');
  }
  if (parts === undefined) {
    return version.sizeBytes === 0 ? {} : { range: { start: 0, end: version.sizeBytes } };
  }
  const start = parts.slice(0, number - 1).reduce((sum, part) => sum + part.sizeBytes, 0);
  return { range: { start, end: start + parts[number - 1]!.sizeBytes }, partsCount: parts.length };
}

const getObjectAttributes: Run = async (request, stores) => {
  await request.allow(actionOn(request, 'Get'), request.objectArn);
  await request.allow(actionOn(request, 'Get', 'Attributes'), request.objectArn);
  const bucket = stores.buckets.get(request.bucket);
  const version = await findObject(request, stores);
  checkRead(request.headers, version);
  const wanted = (request.headers['x-amz-object-attributes'] ?? '').split(',').map((name) => name.trim());
  const { checksum } = version.attributes;
  const parts = wanted.includes('ObjectParts') ? stores.objects.parts(version) : undefined;
  const fields = {
    ETag: version.etag,
    Checksum: checksum && { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type },
    ObjectParts: parts && partsFields(request, version, parts),
    StorageClass: version.attributes.headers['x-amz-storage-class'] ?? 'STANDARD',
    ObjectSize: version.sizeBytes,
  };
  return xmlResponse(
    'GetObjectAttributesResponse',
    Object.fromEntries(Object.entries(fields).filter(([name]) => wanted.includes(name))),
    { 'last-modified': version.modifiedAt.toUTCString(), ...versionHeader(bucket.versioning, version) },
  );
};

/** The parts are listed one by one only where they have checksums. */
function partsFields(request: S3Request, { attributes }: ObjectVersion, parts: readonly ObjectPart[]) {
  if (attributes.checksum === undefined) return { PartsCount: parts.length };
  const name = checksumElement(attributes.checksum.algorithm);
  const limit = Math.min(1000, Number(request.headers['x-amz-max-parts'] ?? 1000));
  const marker = Number(request.headers['x-amz-part-number-marker'] ?? 0);
  const rest = parts.filter((part) => part.number > marker);
  const shown = rest.slice(0, limit);
  return {
    PartsCount: parts.length,
    PartNumberMarker: marker,
    NextPartNumberMarker: shown.at(-1)?.number ?? marker,
    MaxParts: limit,
    IsTruncated: rest.length > shown.length,
    Part: shown.map((part) => ({ PartNumber: part.number, Size: part.sizeBytes, [name]: part.checksum })),
  };
}

export const objectOperations: readonly Operation[] = [
  { name: 'PutObject', method: 'PUT', on: 'object', run: putObject },
  { name: 'GetObject', method: 'GET', on: 'object', run: getObject },
  { name: 'HeadObject', method: 'HEAD', on: 'object', run: headObject },
  { name: 'GetObjectAttributes', method: 'GET', on: 'object', query: ['attributes'], run: getObjectAttributes },
];
