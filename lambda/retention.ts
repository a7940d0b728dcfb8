import { dynamodbItemTable } from '../aws/dynamodb-catalogue.ts';
import { dynamodbClient } from '../aws/dynamodb-client.ts';
import { removalContext } from '../aws/removal-context.ts';
import { parseRetentionPolicy, RETENTION } from '../core/retention/policy.ts';
import { readConfig } from './config.ts';
import { retentionHandler } from './retention-handler.ts';

const { table, archivesBucket } = readConfig(['table', 'archivesBucket']);
const policy = process.env[RETENTION];

export const handler = retentionHandler({
  ...removalContext(dynamodbItemTable(table, dynamodbClient())), // only archives of its own region go
  archivesBucket,
  ...(policy && { policy: parseRetentionPolicy(JSON.parse(policy), RETENTION) }),
});
