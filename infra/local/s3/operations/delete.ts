import { writeConditions } from '../conditions.ts';
import { S3Error } from '../errors.ts';
import { emptyResponse, type Operation, type Run, type Stores, xmlResponse } from '../operation.ts';
import { objectArn, type S3Request } from '../request.ts';
import { parseXml, type XmlElement, type XmlFields } from '../xml.ts';
import { actionOn } from './object.ts';

const MAX_KEYS = 1000;

const deleteObject: Run = async (request, { buckets, objects }) => {
  await request.allow(actionOn(request, 'Delete'), request.objectArn);
  const { versionId, marker } = objects.delete(buckets.get(request.bucket), request.key, {
    versionId: request.versionId,
    conditions: writeConditions(request.headers),
    requestId: request.id,
  });
  return emptyResponse(204, {
    ...(marker ? { 'x-amz-delete-marker': 'true' } : {}),
    ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
  });
};

/** Each key succeeds or fails by itself. */
const deleteObjects: Run = async (request, stores) => {
  stores.buckets.get(request.bucket);
  const document = parseXml(await request.payload.text(), 'Delete');
  const wanted = document.all('Object');
  if (wanted.length === 0 || wanted.length > MAX_KEYS) {
    throw new S3Error('MalformedXML', `A request must name between 1 and ${MAX_KEYS} objects to delete`);
  }
  const deleted: XmlFields[] = [];
  const errors: XmlFields[] = [];
  for (const object of wanted) {
    const named = { Key: object.get('Key'), VersionId: object.get('VersionId') };
    try {
      deleted.push({ ...named, ...(await deleteOne(request, stores, object)) });
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      errors.push({ ...named, Code: error.code, Message: error.message });
    }
  }
  const quiet = document.get('Quiet') === 'true';
  return xmlResponse('DeleteResult', { Deleted: quiet ? [] : deleted, Error: errors });
};

async function deleteOne(request: S3Request, { buckets, objects }: Stores, object: XmlElement): Promise<XmlFields> {
  const key = object.get('Key');
  const versionId = object.get('VersionId');
  if (!key) throw new S3Error('MalformedXML', 'An object to delete has no key');
  await request.allow(
    versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion',
    objectArn(request.bucket, key),
  );
  const etag = object.get('ETag');
  const gone = objects.delete(buckets.get(request.bucket), key, {
    versionId,
    requestId: request.id,
    ...(etag === undefined ? {} : { conditions: { ifMatch: etag } }),
  });
  return gone.marker ? { DeleteMarker: true, DeleteMarkerVersionId: gone.versionId } : {};
}

export const deleteOperations: readonly Operation[] = [
  { name: 'DeleteObject', method: 'DELETE', on: 'object', run: deleteObject },
  { name: 'DeleteObjects', method: 'POST', on: 'bucket', query: ['delete'], run: deleteObjects },
];
