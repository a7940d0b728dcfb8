import type { S3ArchiveStore } from '../aws/s3-archive-store.ts';
import type { RemovalContext } from '../core/custody/remove-archives.ts';
import type { Catalogue, Custodies } from '../core/ports.ts';
import type { Regions } from '../core/regions.ts';
import { regionsIn, required, type Settings } from './settings.ts';

// The AWS SDK is loaded by the commands that use it, and not before.

/** Archives and bundles, in whichever region they are. */
export async function openStore(regions: Regions): Promise<S3ArchiveStore> {
  const [{ S3ArchiveStore }, { S3Clients }] = await Promise.all([
    import('../aws/s3-archive-store.ts'),
    import('../aws/s3-clients.ts'),
  ]);
  return new S3ArchiveStore(new S3Clients(regions));
}

/** The table in the nearest region. @throws PodfreightError `usage` when nothing says which it is */
export async function openTable(settings: Settings): Promise<{ catalogue: Catalogue; custodies: Custodies }> {
  const table = required(settings, 'table');
  const [client, { dynamodbCatalogue, dynamodbCustodies }] = await Promise.all([
    tableClient(settings),
    import('../aws/dynamodb-catalogue.ts'),
  ]);
  return { catalogue: dynamodbCatalogue(table, client), custodies: dynamodbCustodies(table, client) };
}

/** What removing and holding archives takes, in whichever region they are. @throws PodfreightError as {@link openTable} */
export async function openRemovals(settings: Settings): Promise<RemovalContext> {
  const name = required(settings, 'table');
  const regions = regionsIn(settings);
  const [nearestClient, { dynamodbItemTable }, { regionalDynamodbTable }, { removalContext }, { S3Clients }] =
    await Promise.all([
      tableClient(settings),
      import('../aws/dynamodb-catalogue.ts'),
      import('../aws/regional-dynamodb-table.ts'),
      import('../aws/removal-context.ts'),
      import('../aws/s3-clients.ts'),
    ]);
  const table = regionalDynamodbTable(name, regions, dynamodbItemTable(name, nearestClient));
  return removalContext(table, new S3Clients(regions));
}

async function tableClient(settings: Settings) {
  const [{ dynamodbClient }, { nearestRegion }] = await Promise.all([
    import('../aws/dynamodb-client.ts'),
    import('../aws/own-region.ts'),
  ]);
  const client = dynamodbClient();
  const region = await nearestRegion(regionsIn(settings), client);
  return region === undefined ? client : dynamodbClient({ region });
}
