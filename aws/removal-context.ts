import { tableCatalogue } from '../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../core/catalogue/table-survey.ts';
import type { RemovalContext } from '../core/custody/remove-archives.ts';
import { tableCustodies } from '../core/custody/table-custodies.ts';
import { dynamodbItemTable } from './dynamodb-catalogue.ts';
import { dynamodbClient } from './dynamodb-client.ts';
import { S3ArchiveKeeper } from './s3-archive-keeper.ts';
import { S3ArchiveStore } from './s3-archive-store.ts';
import { S3Clients } from './s3-clients.ts';

/** What removing and holding archives takes. */
export function removalContext(tableName: string, s3 = new S3Clients(), dynamodb = dynamodbClient()): RemovalContext {
  const table = dynamodbItemTable(tableName, dynamodb);
  return {
    store: new S3ArchiveStore(s3),
    keeper: new S3ArchiveKeeper(s3),
    catalogue: tableCatalogue(table),
    survey: tableSurvey(table),
    custodies: tableCustodies(table),
    now: () => new Date(),
  };
}
