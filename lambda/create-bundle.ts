import { dynamodbCatalogue } from '../aws/dynamodb-catalogue.ts';
import { dynamodbClient } from '../aws/dynamodb-client.ts';
import { countRequests } from '../aws/request-count.ts';
import { S3ArchiveStore } from '../aws/s3-archive-store.ts';
import { s3Client } from '../aws/s3-client.ts';
import { readConfig } from './config.ts';
import { createBundleHandler } from './create-bundle-handler.ts';

const { table, bundlesBucket } = readConfig(['table', 'bundlesBucket']);
const s3 = s3Client();
const dynamodb = dynamodbClient();
const [s3Requests, dynamodbRequests] = [countRequests(s3), countRequests(dynamodb)];

export const handler = createBundleHandler({
  store: new S3ArchiveStore(s3),
  catalogue: dynamodbCatalogue(table, dynamodb),
  bucket: bundlesBucket,
  requests: () => ({ s3: s3Requests(), dynamodb: dynamodbRequests() }),
});
