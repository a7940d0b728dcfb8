import { dynamodbCatalogue } from '../aws/dynamodb-catalogue.ts';
import { S3ArchiveStore } from '../aws/s3-archive-store.ts';
import { readConfig } from './config.ts';
import { createBundleHandler } from './create-bundle-handler.ts';

const { table, bundlesBucket } = readConfig(['table', 'bundlesBucket']);

export const handler = createBundleHandler({
  store: new S3ArchiveStore(),
  catalogue: dynamodbCatalogue(table),
  bucket: bundlesBucket,
});
