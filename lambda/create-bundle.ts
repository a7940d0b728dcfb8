import { dynamodbCatalogue } from '../aws/dynamodb-catalogue.ts';
import { dynamodbClient } from '../aws/dynamodb-client.ts';
import { countRequests } from '../aws/request-count.ts';
import { S3ArchiveStore } from '../aws/s3-archive-store.ts';
import { S3Clients } from '../aws/s3-clients.ts';
import { S3_PART_LIMITS } from '../core/bundle/part-limits.ts';
import { ownRegion, readConfig, readRegions } from './config.ts';
import { createBundleHandler } from './create-bundle-handler.ts';

const { table, bundlesBucket } = readConfig(['table', 'bundlesBucket']);
/** S3 begins to answer within a second; a request that is only slow, as while it copies, is not made again. */
const SILENCE_MS = 30_000;

const s3 = new S3Clients(readRegions(), { answerTimeoutMs: SILENCE_MS, stallMs: SILENCE_MS });
const dynamodb = dynamodbClient();
const dynamodbRequests = countRequests(dynamodb);

export const handler = createBundleHandler({
  store: new S3ArchiveStore(s3, { wholeBytes: S3_PART_LIMITS.uploadPartBytes }),
  catalogue: dynamodbCatalogue(table, dynamodb),
  bucket: bundlesBucket,
  ...ownRegion(),
  requests: () => ({ s3: s3.requests(), dynamodb: dynamodbRequests() }),
});
