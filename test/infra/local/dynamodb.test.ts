import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  type PutCommandInput,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { createTables, startDynamoDb } from '../../../infra/local/dynamodb.ts';
import type { Endpoint } from '../../../infra/local/endpoint.ts';
import { Template } from '../../../infra/local/template.ts';

// What podfreight asks of DynamoDB, asked of its stand-in.

const TableName = 'stack-catalogue-table';

/** A table with `pk` and `sk`, and an index by `node` and `at`. */
function template(sortKey = 'sk'): Template {
  const keys = (hash: string, range: string) => [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
  const Properties = {
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: keys('pk', sortKey),
    AttributeDefinitions: ['pk', sortKey, 'node', 'at'].map((name) => ({ AttributeName: name, AttributeType: 'S' })),
    GlobalSecondaryIndexes: [
      { IndexName: 'node', KeySchema: keys('node', 'at'), Projection: { ProjectionType: 'ALL' } },
    ],
    Replicas: [{ Region: { Ref: 'AWS::Region' }, DeletionProtectionEnabled: true }],
  };
  const Resources = { CatalogueTable7B51291C: { Type: 'AWS::DynamoDB::GlobalTable', Properties } };
  return new Template('stack', { Resources } as never);
}

function clientOf(endpoint: Endpoint): DynamoDBClient {
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  return new DynamoDBClient({ endpoint: endpoint.url, region: 'us-east-1', credentials, maxAttempts: 1 });
}

let endpoint: Endpoint;
let client: DynamoDBClient;
let documents: DynamoDBDocumentClient;
before(async () => {
  endpoint = await startDynamoDb();
  client = clientOf(endpoint);
  documents = DynamoDBDocumentClient.from(client);
  await createTables(client, template());
});
after(async () => {
  client.destroy();
  await endpoint.close();
});

const put = (Item: Record<string, unknown>, rest: Partial<PutCommandInput> = {}) =>
  documents.send(new PutCommand({ TableName, Item, ...rest }));

const get = async (pk: string, sk: string) =>
  (await documents.send(new GetCommand({ TableName, Key: { pk, sk }, ConsistentRead: true }))).Item;

const query = (input: Omit<QueryCommandInput, 'TableName'>) =>
  documents.send(new QueryCommand({ TableName, ...input }));

test('creating tables waits until they can be used', async () => {
  const states = ['CREATING', 'CREATING', 'ACTIVE'];
  const send = async (command: unknown) =>
    command instanceof DescribeTableCommand ? { Table: { TableStatus: states.shift() } } : {};
  await createTables({ send } as unknown as DynamoDBClient, template());
  assert.deepEqual(states, []);
});

test('the table of the template has its index, and creating it again changes nothing', async () => {
  await put({ pk: 'kept', sk: '1' });
  await createTables(client, template());
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  assert.equal(Table?.TableStatus, 'ACTIVE');
  assert.deepEqual(
    Table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName),
    ['node'],
  );
  assert.deepEqual(await get('kept', '1'), { pk: 'kept', sk: '1' });
});

test('a table with other keys, of another version, is refused', async () => {
  await assert.rejects(createTables(client, template('other')), {
    code: 'conflict',
    message: /another version/,
  });
});

test('an item comes back as it was put, and is gone when deleted', async () => {
  const item = {
    pk: 'item',
    sk: '1',
    record: { text: 'ü 漢 🙂', count: 2 ** 53 - 1, yes: true, list: ['a', { b: '' }] },
  };
  await put(item);
  assert.deepEqual(await get('item', '1'), item);
  await documents.send(new DeleteCommand({ TableName, Key: { pk: 'item', sk: '1' } }));
  assert.equal(await get('item', '1'), undefined);
});

test('of many puts on the condition that nothing is there, one wins', async () => {
  const attempts = Array.from({ length: 20 }, (_, winner) =>
    put({ pk: 'race', sk: '1', winner }, { ConditionExpression: 'attribute_not_exists(pk)' }),
  );
  const results = await Promise.allSettled(attempts);
  const winners = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
  assert.equal(winners.length, 1);
  assert.equal((await get('race', '1'))?.winner, winners[0]);
  for (const result of results) {
    if (result.status === 'rejected') assert.equal(result.reason.name, 'ConditionalCheckFailedException');
  }
});

test('a put can be made to depend on the order and identity of what is there', async () => {
  const newer = (order: string, identity = 'same') =>
    put(
      { pk: 'order', sk: '1', order, identity },
      {
        ConditionExpression: 'attribute_not_exists(pk) OR (#identity = :identity AND #order <= :order)',
        ExpressionAttributeNames: { '#order': 'order', '#identity': 'identity' },
        ExpressionAttributeValues: { ':order': order, ':identity': identity },
      },
    );
  await newer('02');
  await newer('02');
  await newer('03');
  await assert.rejects(newer('01'), { name: 'ConditionalCheckFailedException' });
  await assert.rejects(newer('04', 'other'), { name: 'ConditionalCheckFailedException' });
  assert.equal((await get('order', '1'))?.order, '03');
});

test('a query is in the byte order of the sort key, between two keys, in both directions', async () => {
  for (const sk of ['a', 'B', 'ä', 'a#2', 'a#10', 'z']) await put({ pk: 'sorted', sk });
  const keys = async (ScanIndexForward: boolean) => {
    const { Items } = await query({
      KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
      ExpressionAttributeValues: { ':pk': 'sorted', ':from': 'B', ':to': 'z' },
      ConsistentRead: true,
      ScanIndexForward,
    });
    return Items?.map(({ sk }) => sk);
  };
  assert.deepEqual(await keys(true), ['B', 'a', 'a#10', 'a#2', 'z']);
  assert.deepEqual(await keys(false), ['z', 'a#2', 'a#10', 'a', 'B']);
});

test('an index holds the items that have its key, newest first, page by page, none twice and none missing', async () => {
  const times = Array.from({ length: 25 }, (_, i) => `2026-11-22T00:00:${String(i).padStart(2, '0')}Z`);
  for (const [i, at] of times.entries()) await put({ pk: `paged ${i}`, sk: '1', node: 'n', at });
  await put({ pk: 'paged without a node', sk: '1', at: times[0] });
  await put({ pk: 'paged elsewhere', sk: '1', node: 'm', at: times[0] });

  const seen: string[] = [];
  let pages = 0;
  let start: Record<string, unknown> | undefined;
  do {
    const { Items, LastEvaluatedKey } = await query({
      IndexName: 'node',
      KeyConditionExpression: '#node = :node',
      ExpressionAttributeNames: { '#node': 'node' },
      ExpressionAttributeValues: { ':node': 'n' },
      ScanIndexForward: false,
      Limit: 10,
      ExclusiveStartKey: start,
    });
    seen.push(...(Items ?? []).map(({ at }) => at));
    pages += 1;
    start = LastEvaluatedKey;
  } while (start);
  assert.deepEqual(seen, times.toReversed());
  assert.equal(pages, 3);
});

test('an index follows when an item loses its key', async () => {
  const found = async () => {
    const { Count } = await query({
      IndexName: 'node',
      KeyConditionExpression: '#node = :node',
      ExpressionAttributeNames: { '#node': 'node' },
      ExpressionAttributeValues: { ':node': 'moving' },
    });
    return Count;
  };
  await put({ pk: 'moves', sk: '1', node: 'moving', at: '1' });
  assert.equal(await found(), 1);
  await put({ pk: 'moves', sk: '1' });
  assert.equal(await found(), 0);
});

test('a page ends at 1 MiB', async () => {
  const text = 'x'.repeat(300 * 1024);
  for (const sk of ['1', '2', '3', '4', '5']) await put({ pk: 'large', sk, text });
  const { Count, LastEvaluatedKey } = await query({
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': 'large' },
  });
  assert.ok(Count !== undefined && Count < 5, `${Count}`);
  assert.equal(LastEvaluatedKey?.sk, String(Count));
});

const REFUSED: [string, () => Promise<unknown>][] = [
  ['an item over 400 KB', () => put({ pk: 'refused', sk: '1', text: 'x'.repeat(410 * 1024) })],
  ['an empty key', () => put({ pk: '', sk: '1' })],
  ['a key of another type', () => put({ pk: 'refused', sk: 1 })],
  ['an index key of another type', () => put({ pk: 'refused', sk: '1', node: 1, at: '1' })],
  [
    'a consistent read of an index',
    () =>
      query({
        IndexName: 'node',
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': 'x' },
      }),
  ],
];

for (const [what, call] of REFUSED) {
  test(`${what} is refused`, async () => {
    await assert.rejects(call, { name: 'ValidationException' });
  });
}

test('a table that is not there is named as such', async () => {
  const command = new GetCommand({ TableName: 'missing', Key: { pk: '1', sk: '1' } });
  await assert.rejects(documents.send(command), { name: 'ResourceNotFoundException' });
});

test('with a folder, data are there after the next start', async (context) => {
  const path = mkdtempSync(join(tmpdir(), 'podfreight-dynamodb-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  for (const expected of [undefined, { pk: 'kept', sk: '1' }]) {
    await using stored = await startDynamoDb({ path });
    const own = clientOf(stored);
    await createTables(own, template());
    const ownDocuments = DynamoDBDocumentClient.from(own);
    const { Item } = await ownDocuments.send(new GetCommand({ TableName, Key: { pk: 'kept', sk: '1' } }));
    assert.deepEqual(Item, expected);
    await ownDocuments.send(new PutCommand({ TableName, Item: { pk: 'kept', sk: '1' } }));
    own.destroy();
  }
});

test('a port in use is an error that lets go of the folder', async (context) => {
  const path = mkdtempSync(join(tmpdir(), 'podfreight-dynamodb-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  await assert.rejects(startDynamoDb({ path, port: endpoint.port }), { code: 'EADDRINUSE' });
  await using stored = await startDynamoDb({ path });
  const own = clientOf(stored);
  await createTables(own, template());
  own.destroy();
});
