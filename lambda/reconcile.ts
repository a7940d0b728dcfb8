import { dynamodbCatalogue, dynamodbSurvey } from '../aws/dynamodb-catalogue.ts';
import { dynamodbClient } from '../aws/dynamodb-client.ts';
import { S3ArchiveStore } from '../aws/s3-archive-store.ts';
import { S3BucketListing } from '../aws/s3-bucket-listing.ts';
import { s3Client } from '../aws/s3-client.ts';
import { ownRegion, readConfig } from './config.ts';
import { reconcileHandler } from './reconcile-handler.ts';

const { table, archivesBucket, bundlesBucket, reconcileHours } = readConfig([
  'table',
  'archivesBucket',
  'bundlesBucket',
  'reconcileHours',
]);
const s3 = s3Client();
const dynamodb = dynamodbClient();

export const handler = reconcileHandler({
  store: new S3ArchiveStore(s3),
  listing: new S3BucketListing(s3),
  catalogue: dynamodbCatalogue(table, dynamodb),
  survey: dynamodbSurvey(table, dynamodb),
  archivesBucket,
  bundlesBucket,
  ...ownRegion(),
  everyHours: Number(reconcileHours),
});
