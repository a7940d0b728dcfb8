import { dynamodbCatalogue } from '../aws/dynamodb-catalogue.ts';
import { S3ArchiveStore } from '../aws/s3-archive-store.ts';
import { JSON_BYTES_MAX } from '../core/manifest/json.ts';
import { catalogueHandler } from './catalogue-handler.ts';
import { ownRegion, readConfig } from './config.ts';

const { table, archivesBucket } = readConfig(['table', 'archivesBucket']);

export const handler = catalogueHandler({
  store: new S3ArchiveStore(undefined, { wholeBytes: JSON_BYTES_MAX }),
  catalogue: dynamodbCatalogue(table),
  archivesBucket,
  ...ownRegion(),
});
