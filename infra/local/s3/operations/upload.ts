import {
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  checksumAlgorithm,
  checksumElement,
  checksumFields,
  checksumHeader,
} from '../checksum.ts';
import { writeConditions } from '../conditions.ts';
import { S3Error } from '../errors.ts';
import type { NewObject } from '../objects.ts';
import { emptyResponse, type Operation, quoted, type Run, type Stores, xmlResponse } from '../operation.ts';
import { readAttributes, type S3Request } from '../request.ts';
import { uriEncode } from '../signature.ts';
import { MAX_PART_BYTES, MAX_PARTS, type Upload, uploadChecksum, type WantedPart } from '../uploads.ts';
import { parseXml } from '../xml.ts';
import { versionHeader } from './object.ts';
import { owner } from './owner.ts';

/** @throws S3Error `NoSuchBucket`, `NoSuchUpload` */
export function findUpload(request: S3Request, { buckets, uploads }: Stores): Upload {
  buckets.get(request.bucket);
  return uploads.get(request.bucket, request.key, request.query.get('uploadId') ?? '');
}

/** @throws S3Error `InvalidArgument` */
export function partNumber(request: S3Request): number {
  return request.number('partNumber', { min: 1, max: MAX_PARTS }) ?? 0;
}

const createMultipartUpload: Run = async (request, { buckets, uploads }) => {
  await request.allow('s3:PutObject', request.objectArn);
  const attributes = readAttributes(request.headers);
  if (attributes.tags.length > 0) await request.allow('s3:PutObjectTagging', request.objectArn);
  buckets.get(request.bucket);
  const algorithm = request.headers['x-amz-checksum-algorithm'];
  const checksum = uploadChecksum(
    algorithm === undefined ? undefined : checksumAlgorithm(algorithm),
    request.headers['x-amz-checksum-type'],
  );
  const upload = uploads.create({ bucket: request.bucket, key: request.key, attributes, checksum });
  return xmlResponse(
    'InitiateMultipartUploadResult',
    { Bucket: upload.bucket, Key: upload.key, UploadId: upload.id },
    checksum ? { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type } : {},
  );
};

const uploadPart: Run = async (request, stores) => {
  await request.allow('s3:PutObject', request.objectArn);
  const number = partNumber(request);
  const upload = findUpload(request, stores);
  const { payload } = request;
  const wanted = upload.checksum?.algorithm;
  if (wanted !== undefined && payload.algorithm !== undefined && payload.algorithm !== wanted) {
    throw checksumMismatch(wanted, payload.algorithm);
  }
  if (payload.sizeBytes > MAX_PART_BYTES) {
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
      details: { ProposedSize: payload.sizeBytes, MaxSizeAllowed: MAX_PART_BYTES },
    });
  }
  using file = stores.content.create();
  const { sizeBytes, md5, checksum } = await payload.read((bytes) => file.fill(bytes), { algorithm: wanted });
  const etag = md5.toString('hex');
  const segments = [{ file: file.file, start: 0, length: sizeBytes }];
  stores.uploads.putPart(upload, { number, sizeBytes, etag, checksum }, segments);
  return emptyResponse(200, { etag: quoted(etag), [checksumHeader(checksum.algorithm)]: checksum.value });
};

const listParts: Run = async (request, stores) => {
  await request.allow('s3:ListMultipartUploadParts', request.objectArn);
  const upload = findUpload(request, stores);
  const marker = request.number('part-number-marker', { max: 2 ** 31 - 1 }) ?? 0;
  const limit = Math.min(1000, request.number('max-parts', { max: 2 ** 31 - 1 }) ?? 1000);
  const rest = stores.uploads.parts(upload).filter((part) => part.number > marker);
  const shown = rest.slice(0, limit);
  return xmlResponse('ListPartsResult', {
    Bucket: upload.bucket,
    Key: upload.key,
    UploadId: upload.id,
    PartNumberMarker: marker,
    NextPartNumberMarker: shown.at(-1)?.number,
    MaxParts: limit,
    IsTruncated: rest.length > shown.length,
    Initiator: owner,
    Owner: owner,
    StorageClass: 'STANDARD',
    ChecksumAlgorithm: upload.checksum?.algorithm,
    ChecksumType: upload.checksum?.type,
    Part: shown.map((part) => ({
      PartNumber: part.number,
      LastModified: part.modifiedAt,
      ETag: quoted(part.etag),
      Size: part.sizeBytes,
      ...(upload.checksum ? { [checksumElement(part.checksum.algorithm)]: part.checksum.value } : {}),
    })),
  });
};

const abortMultipartUpload: Run = async (request, stores) => {
  await request.allow('s3:AbortMultipartUpload', request.objectArn);
  stores.database.transaction(() => stores.uploads.remove(findUpload(request, stores)));
  return emptyResponse(204);
};

const completeMultipartUpload: Run = async (request, stores) => {
  await request.allow('s3:PutObject', request.objectArn);
  const conditions = writeConditions(request.headers);
  const document = parseXml(await request.payload.text({ checksumOfObject: true }), 'CompleteMultipartUpload');
  const upload = findUpload(request, stores);
  const parts = document.all('Part').map((part): WantedPart => {
    return {
      number: Number(part.get('PartNumber')),
      etag: (part.get('ETag') ?? '').replaceAll('"', ''),
      checksum: upload.checksum && part.get(checksumElement(upload.checksum.algorithm)),
    };
  });
  if (parts.length === 0 || parts.length > MAX_PARTS) {
    throw new S3Error('MalformedXML', `An upload is completed from between 1 and ${MAX_PARTS} parts`);
  }
  const object = stores.uploads.assemble(upload, parts);
  checkPromises(request, upload, object);
  const bucket = stores.buckets.get(request.bucket);
  const version = stores.objects.put(bucket, request.key, object, {
    conditions,
    reason: 'CompleteMultipartUpload',
    requestId: request.id,
    also: () => stores.uploads.remove(upload),
  });
  const path = `/${request.bucket}/${request.key.split('/').map(uriEncode).join('/')}`;
  return xmlResponse(
    'CompleteMultipartUploadResult',
    {
      Location: `http://${request.headers.host}${path}`,
      Bucket: request.bucket,
      Key: request.key,
      ETag: quoted(object.etag),
      ...checksumFields(object.attributes.checksum),
    },
    bucket.versioning === 'Enabled' ? versionHeader(bucket.versioning, version) : {},
  );
};

/** What the client says of the whole object must be so. */
function checkPromises(request: S3Request, upload: Upload, object: NewObject): void {
  const size = request.headers['x-amz-mp-object-size'];
  if (size !== undefined && Number(size) !== object.sizeBytes) {
    throw new S3Error(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${size} does not match what was computed: ${object.sizeBytes}`,
    );
  }
  const type = request.headers['x-amz-checksum-type'];
  if (type !== undefined && type !== upload.checksum?.type) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created using the ${upload.checksum?.type ?? 'null'} checksum mode. The complete request must use the same checksum mode.`,
    );
  }
  const { checksum } = object.attributes;
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const promised = request.headers[checksumHeader(algorithm)];
    if (promised === undefined || promised === (algorithm === checksum?.algorithm && checksum.value)) continue;
    const what = `The ${algorithm.toLowerCase()} you specified did not match the calculated checksum.`;
    throw algorithm === checksum?.algorithm
      ? new S3Error('BadDigest', what)
      : checksumMismatch(checksum?.algorithm, algorithm);
  }
}

function checksumMismatch(expected: ChecksumAlgorithm | undefined, actual: ChecksumAlgorithm): S3Error {
  const [expectedType, actualType] = [expected?.toLowerCase() ?? 'null', actual.toLowerCase()];
  return new S3Error(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${expectedType}, actual checksum Type: ${actualType}`,
  );
}

const onUpload = { on: 'object', query: ['uploadId'] } as const;

export const uploadOperations: readonly Operation[] = [
  { name: 'CreateMultipartUpload', method: 'POST', on: 'object', query: ['uploads'], run: createMultipartUpload },
  { name: 'UploadPart', method: 'PUT', on: 'object', query: ['uploadId', 'partNumber'], run: uploadPart },
  { ...onUpload, name: 'ListParts', method: 'GET', run: listParts },
  { ...onUpload, name: 'AbortMultipartUpload', method: 'DELETE', run: abortMultipartUpload },
  { ...onUpload, name: 'CompleteMultipartUpload', method: 'POST', run: completeMultipartUpload },
];
