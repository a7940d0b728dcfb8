import { S3Error } from '../errors.ts';
import { atStart, behindKey, behindMarker, type ListPage, listPage, type Position } from '../listing.ts';
import { type ObjectVersion, VERSION_COLUMNS, type VersionRow, versionOf } from '../objects.ts';
import { type Operation, quoted, type Run, type Stores, xmlResponse } from '../operation.ts';
import type { S3Request } from '../request.ts';
import { uriEncode } from '../signature.ts';
import { type UploadRow, uploadOf } from '../uploads.ts';
import type { XmlFields } from '../xml.ts';
import { owner } from './owner.ts';

const MAX_KEYS = 1000;

/** What all listings take. */
function listParameters(request: S3Request, limitName: string) {
  const encoding = request.query.get('encoding-type') ?? undefined;
  if (encoding !== undefined && encoding !== 'url') {
    throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request');
  }
  return {
    prefix: request.query.get('prefix') ?? '',
    delimiter: request.query.get('delimiter') ?? '',
    limit: Math.min(MAX_KEYS, request.number(limitName, { max: 2 ** 31 - 1 }) ?? MAX_KEYS),
    encoding,
    /** Of keys and prefixes: as they are, or encoded where the client wants it. */
    encode: (text: string) => (encoding === undefined ? text : text.split('/').map(uriEncode).join('/')),
  };
}

type Parameters = ReturnType<typeof listParameters>;

function pageFields(
  page: ListPage<{ key: string; rank: number }>,
  { prefix, delimiter, encoding, encode }: Parameters,
) {
  return {
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encoding,
    IsTruncated: page.next !== undefined,
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  };
}

type RankedVersion = ObjectVersion & { readonly rank: number };

function ranked(row: VersionRow): RankedVersion {
  return { ...versionOf(row), rank: row.sequence };
}

function listLatest(request: S3Request, { database }: Stores, parameters: Parameters, start: Position) {
  return listPage<RankedVersion>({
    ...parameters,
    start,
    rowsAfter: ({ key, rank }, limit) =>
      database
        .all<VersionRow>(
          `SELECT ${VERSION_COLUMNS} FROM version
           WHERE bucket = ? AND latest = 1 AND marker = 0 AND key >= ? AND (key > ? OR sequence < ?)
           ORDER BY key LIMIT ?`,
          request.bucket,
          key,
          key,
          rank,
          limit,
        )
        .map(ranked),
  });
}

function versionFields(version: ObjectVersion, { encode }: Parameters): XmlFields {
  const { algorithm, type } = version.attributes.checksum ?? {};
  return {
    Key: encode(version.key),
    LastModified: version.modifiedAt,
    ETag: quoted(version.etag),
    ChecksumAlgorithm: algorithm,
    ChecksumType: type,
    Size: version.sizeBytes,
    StorageClass: version.attributes.headers['x-amz-storage-class'] ?? 'STANDARD',
  };
}

/** A continuation token is opaque to clients; ours holds the position. */
function encodeToken({ key, rank }: Position): string {
  return Buffer.from(JSON.stringify([key, rank])).toString('base64url');
}

function decodeToken(token: string): Position {
  try {
    const [key, rank] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [unknown, unknown];
    if (typeof key === 'string' && typeof rank === 'number') return { key, rank };
  } catch {
    // answered below
  }
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect');
}

const listObjectsV2: Run = async (request, stores) => {
  await request.allow('s3:ListBucket', request.bucketArn);
  stores.buckets.get(request.bucket);
  const parameters = listParameters(request, 'max-keys');
  const token = request.query.get('continuation-token') ?? undefined;
  const startAfter = request.query.get('start-after') ?? undefined;
  const start = token !== undefined ? decodeToken(token) : startAfter !== undefined ? behindKey(startAfter) : atStart;
  const page = listLatest(request, stores, parameters, start);
  return xmlResponse('ListBucketResult', {
    Name: request.bucket,
    KeyCount: page.rows.length + page.commonPrefixes.length,
    MaxKeys: parameters.limit,
    StartAfter: startAfter === undefined ? undefined : parameters.encode(startAfter),
    ContinuationToken: token,
    NextContinuationToken: page.next && encodeToken(page.next.position),
    ...pageFields(page, parameters),
    Contents: page.rows.map((version) => versionFields(version, parameters)),
  });
};

const listObjects: Run = async (request, stores) => {
  await request.allow('s3:ListBucket', request.bucketArn);
  stores.buckets.get(request.bucket);
  const parameters = listParameters(request, 'max-keys');
  const marker = request.query.get('marker') ?? '';
  const page = listLatest(request, stores, parameters, marker === '' ? atStart : behindMarker(marker, parameters));
  const last = page.next?.last;
  return xmlResponse('ListBucketResult', {
    Name: request.bucket,
    Marker: parameters.encode(marker),
    MaxKeys: parameters.limit,
    NextMarker:
      last === undefined || parameters.delimiter === ''
        ? undefined
        : parameters.encode(typeof last === 'string' ? last : last.key),
    ...pageFields(page, parameters),
    Contents: page.rows.map((version) => ({ ...versionFields(version, parameters), Owner: owner })),
  });
};

const listObjectVersions: Run = async (request, stores) => {
  await request.allow('s3:ListBucketVersions', request.bucketArn);
  stores.buckets.get(request.bucket);
  const parameters = listParameters(request, 'max-keys');
  const keyMarker = request.query.get('key-marker') ?? '';
  const versionMarker = request.query.get('version-id-marker') || undefined;
  if (versionMarker !== undefined && keyMarker === '') {
    throw new S3Error('InvalidArgument', 'A version-id marker cannot be specified without a key marker.');
  }
  const marked = versionMarker && stores.objects.find(request.bucket, keyMarker, versionMarker);
  const page = listPage<RankedVersion>({
    ...parameters,
    start: marked
      ? { key: keyMarker, rank: marked.sequence }
      : keyMarker === ''
        ? atStart
        : behindMarker(keyMarker, parameters),
    rowsAfter: ({ key, rank }, limit) =>
      stores.database
        .all<VersionRow>(
          `SELECT ${VERSION_COLUMNS} FROM version WHERE bucket = ? AND key >= ? AND (key > ? OR sequence < ?)
           ORDER BY key, sequence DESC LIMIT ?`,
          request.bucket,
          key,
          key,
          rank,
          limit,
        )
        .map(ranked),
  });
  const last = page.next?.last;
  const identity = ({ versionId, latest }: ObjectVersion) => ({ VersionId: versionId, IsLatest: latest });
  return xmlResponse('ListVersionsResult', {
    Name: request.bucket,
    KeyMarker: parameters.encode(keyMarker),
    VersionIdMarker: versionMarker,
    MaxKeys: parameters.limit,
    NextKeyMarker: last === undefined ? undefined : parameters.encode(typeof last === 'string' ? last : last.key),
    NextVersionIdMarker: typeof last === 'object' ? last.versionId : undefined,
    ...pageFields(page, parameters),
    Version: page.rows
      .filter((version) => !version.marker)
      .map((version) => ({ ...versionFields(version, parameters), ...identity(version), Owner: owner })),
    DeleteMarker: page.rows
      .filter((version) => version.marker)
      .map((marker) => ({
        Key: parameters.encode(marker.key),
        LastModified: marker.modifiedAt,
        ...identity(marker),
        Owner: owner,
      })),
  });
};

/** Of one key the oldest upload comes first, so their ranks are negative. */
const listMultipartUploads: Run = async (request, stores) => {
  await request.allow('s3:ListBucketMultipartUploads', request.bucketArn);
  stores.buckets.get(request.bucket);
  const parameters = listParameters(request, 'max-uploads');
  const keyMarker = request.query.get('key-marker') ?? '';
  const uploadMarker = request.query.get('upload-id-marker') ?? '';
  const marked = stores.database.get<{ sequence: number }>('SELECT sequence FROM upload WHERE id = ?', uploadMarker);
  const page = listPage({
    ...parameters,
    start: marked
      ? { key: keyMarker, rank: -marked.sequence }
      : keyMarker === ''
        ? atStart
        : behindMarker(keyMarker, parameters),
    rowsAfter: ({ key, rank }, limit) =>
      stores.database
        .all<UploadRow>(
          `SELECT * FROM upload WHERE bucket = ? AND key >= ? AND (key > ? OR -sequence < ?)
           ORDER BY key, sequence LIMIT ?`,
          request.bucket,
          key,
          key,
          rank,
          limit,
        )
        .map((row) => ({ ...uploadOf(row), rank: -row.sequence })),
  });
  const last = page.next?.last;
  return xmlResponse('ListMultipartUploadsResult', {
    Bucket: request.bucket,
    KeyMarker: parameters.encode(keyMarker),
    UploadIdMarker: uploadMarker,
    MaxUploads: parameters.limit,
    NextKeyMarker: last === undefined ? undefined : parameters.encode(typeof last === 'string' ? last : last.key),
    NextUploadIdMarker: typeof last === 'object' ? last.id : undefined,
    ...pageFields(page, parameters),
    Upload: page.rows.map((upload) => ({
      UploadId: upload.id,
      Key: parameters.encode(upload.key),
      Initiated: upload.createdAt,
      StorageClass: 'STANDARD',
      Owner: owner,
      Initiator: owner,
      ChecksumAlgorithm: upload.checksum?.algorithm,
      ChecksumType: upload.checksum?.type,
    })),
  });
};

export const listOperations: readonly Operation[] = [
  { name: 'ListObjectsV2', method: 'GET', on: 'bucket', query: ['list-type=2'], run: listObjectsV2 },
  { name: 'ListObjects', method: 'GET', on: 'bucket', run: listObjects },
  { name: 'ListObjectVersions', method: 'GET', on: 'bucket', query: ['versions'], run: listObjectVersions },
  { name: 'ListMultipartUploads', method: 'GET', on: 'bucket', query: ['uploads'], run: listMultipartUploads },
];
