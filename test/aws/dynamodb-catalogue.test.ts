import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbCatalogue, dynamodbItemTable } from '../../aws/dynamodb-catalogue.ts';
import { catalogueContract } from '../contracts/catalogue.ts';
import { catalogueConvergence } from '../contracts/catalogue-convergence.ts';
import { startCatalogueTable } from './catalogue-table.ts';

describe('on DynamoDB', () => {
  let table: Awaited<ReturnType<typeof startCatalogueTable>>;
  before(async () => {
    table = await startCatalogueTable();
  });
  after(() => table.close());

  catalogueContract('on DynamoDB', () => dynamodbCatalogue(table.tableName, table.client));
  catalogueConvergence('on DynamoDB', () => dynamodbItemTable(table.tableName, table.client), 15);

  it('names the table that is not there', async () => {
    const catalogue = dynamodbCatalogue('elsewhere', table.client);
    await assert.rejects(catalogue.bundles({ limit: 1 }), { code: 'not-found', message: /elsewhere/ });
  });

  it('says when the endpoint does not answer', async () => {
    const client = new DynamoDBClient({
      endpoint: 'http://127.0.0.1:1',
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    await assert.rejects(dynamodbCatalogue('catalogue', client).bundle('b'), { code: 'unreachable' });
  });

  it('does not take a page key that lies outside the query', async () => {
    const items = dynamodbItemTable(table.tableName, table.client);
    const startAfter = { pk: 'p', sk: 's', cluster: 'another', listedAt: '2026' };
    await assert.rejects(
      items.query({ index: 'cluster', partition: 'prod', from: '0', to: '9', limit: 1, startAfter }),
      { code: 'usage' },
    );
  });
});
