import { S3Error } from '../errors.ts';
import { emptyResponse, type Operation, type Run, xmlResponse } from '../operation.ts';
import { parseXml } from '../xml.ts';
import { owner } from './owner.ts';

const US_EAST_1 = 'us-east-1';

const listBuckets: Run = async (request, { buckets }) => {
  await request.allow('s3:ListAllMyBuckets', '*');
  return xmlResponse('ListAllMyBucketsResult', {
    Owner: owner,
    Buckets: { Bucket: buckets.list().map(({ name, createdAt }) => ({ Name: name, CreationDate: createdAt })) },
  });
};

/** Creating one's own bucket again is an error in every region but the first. */
const createBucket: Run = async (request, { buckets, region }) => {
  await request.allow('s3:CreateBucket', request.bucketArn);
  const text = await request.payload.text();
  if (text !== '') parseXml(text, 'CreateBucketConfiguration');
  if (buckets.find(request.bucket) === undefined) buckets.create(request.bucket);
  else if (region !== US_EAST_1) {
    throw new S3Error(
      'BucketAlreadyOwnedByYou',
      'Your previous request to create the named bucket succeeded and you already own it.',
      { details: { BucketName: request.bucket } },
    );
  }
  return emptyResponse(200, { location: `/${request.bucket}` });
};

const headBucket: Run = async (request, { buckets, region }) => {
  await request.allow('s3:ListBucket', request.bucketArn);
  buckets.get(request.bucket);
  return emptyResponse(200, { 'x-amz-bucket-region': region });
};

const deleteBucket: Run = async (request, { buckets, objects, uploads, database }) => {
  await request.allow('s3:DeleteBucket', request.bucketArn);
  database.transaction(() => {
    buckets.get(request.bucket);
    if (!objects.isEmpty(request.bucket)) {
      throw new S3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty', {
        details: { BucketName: request.bucket },
      });
    }
    uploads.removeAll(request.bucket);
    buckets.remove(request.bucket);
  });
  return emptyResponse(204);
};

const getBucketLocation: Run = async (request, { buckets, region }) => {
  await request.allow('s3:GetBucketLocation', request.bucketArn);
  buckets.get(request.bucket);
  const body = region === US_EAST_1 ? '' : region;
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${body}</LocationConstraint>`,
  };
};

export const bucketOperations: readonly Operation[] = [
  { name: 'ListBuckets', method: 'GET', on: 'service', run: listBuckets },
  { name: 'CreateBucket', method: 'PUT', on: 'bucket', run: createBucket },
  { name: 'HeadBucket', method: 'HEAD', on: 'bucket', run: headBucket },
  { name: 'DeleteBucket', method: 'DELETE', on: 'bucket', run: deleteBucket },
  { name: 'GetBucketLocation', method: 'GET', on: 'bucket', query: ['location'], run: getBucketLocation },
];
