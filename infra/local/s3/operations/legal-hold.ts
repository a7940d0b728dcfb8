import { S3Error } from '../errors.ts';
import { LEGAL_HOLD } from '../objects.ts';
import { emptyResponse, type Operation, type Run, type Stores, xmlResponse } from '../operation.ts';
import type { S3Request } from '../request.ts';
import { parseXml } from '../xml.ts';
import { findObject } from './object.ts';

const putObjectLegalHold: Run = async (request, stores) => {
  await request.allow('s3:PutObjectLegalHold', request.objectArn);
  checkLocks(request, stores);
  const status = parseXml(await request.payload.text(), 'LegalHold').get('Status');
  if (status !== 'ON' && status !== 'OFF') throw new S3Error('MalformedXML', 'Status must be ON or OFF');
  stores.objects.setLegalHold(await findObject(request, stores), status);
  return emptyResponse(200);
};

const getObjectLegalHold: Run = async (request, stores) => {
  await request.allow('s3:GetObjectLegalHold', request.objectArn);
  checkLocks(request, stores);
  const status = (await findObject(request, stores)).attributes.headers[LEGAL_HOLD];
  if (status !== undefined) return xmlResponse('LegalHold', { Status: status });
  throw new S3Error('NoSuchObjectLockConfiguration', 'The specified object does not have a ObjectLock configuration');
};

function checkLocks({ bucket }: S3Request, { buckets }: Stores): void {
  buckets.get(bucket);
  if (buckets.configuration(bucket, 'object-lock') !== undefined) return;
  throw new S3Error('InvalidRequest', 'Bucket is missing Object Lock Configuration');
}

const shared = { on: 'object', query: ['legal-hold'] } as const;

export const legalHoldOperations: readonly Operation[] = [
  { ...shared, name: 'GetObjectLegalHold', method: 'GET', run: getObjectLegalHold },
  { ...shared, name: 'PutObjectLegalHold', method: 'PUT', run: putObjectLegalHold },
];
