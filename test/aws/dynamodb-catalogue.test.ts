import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type BatchWriteItemCommandInput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbCatalogue, dynamodbItemTable } from '../../aws/dynamodb-catalogue.ts';
import { catalogueContract } from '../contracts/catalogue.ts';
import { catalogueConvergence } from '../contracts/catalogue-convergence.ts';
import { catalogueSurveyContract } from '../contracts/catalogue-survey.ts';
import { itemTableContract } from '../contracts/item-table.ts';
import { startCatalogueTable } from './catalogue-table.ts';

describe('on DynamoDB', () => {
  let table: Awaited<ReturnType<typeof startCatalogueTable>>;
  before(async () => {
    table = await startCatalogueTable();
  });
  after(() => table.close());

  catalogueContract('on DynamoDB', () => dynamodbCatalogue(table.tableName, table.client));
  catalogueConvergence('on DynamoDB', () => dynamodbItemTable(table.tableName, table.client), 15);
  itemTableContract('on DynamoDB', () => dynamodbItemTable(table.tableName, table.client));
  catalogueSurveyContract('on DynamoDB', () => dynamodbItemTable(table.tableName, table.client));

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

  it('writes again what DynamoDB was too busy for', async () => {
    const { client, tableName } = table;
    const three = ['a', 'b', 'c'].map((sk) => ({ pk: 'busy', sk, record: { sk } }));
    const left = three.slice(1).map((Item) => ({ PutRequest: { Item } }));
    const batches: (number | undefined)[] = [];
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const answer = await next(args);
          if (commandName === 'BatchWriteItemCommand') {
            batches.push((args.input as BatchWriteItemCommandInput).RequestItems?.[tableName]?.length);
            const UnprocessedItems = batches.length === 1 ? { [tableName]: left } : {};
            Object.assign(answer.output ?? {}, { UnprocessedItems });
          }
          return answer;
        },
      { step: 'deserialize', name: 'busy', priority: 'high' },
    );
    const items = dynamodbItemTable(tableName, client);
    try {
      await items.putAll(three);
    } finally {
      client.middlewareStack.remove('busy');
    }
    assert.deepEqual(batches, [3, 2]);
    assert.deepEqual((await items.query({ partition: 'busy', from: 'a', to: 'c' })).items, three);
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
