import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand,
  type BatchWriteCommandInput,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Item, ItemTable, ScannedItem, WriteCondition } from '../core/catalogue/item-table.ts';
import { CATALOGUE_TABLE } from '../core/catalogue/table.ts';
import { tableCatalogue } from '../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../core/catalogue/table-survey.ts';
import { tableCustodies } from '../core/custody/table-custodies.ts';
import { PodfreightError } from '../core/errors.ts';
import type { Catalogue, CatalogueSurvey, Custodies } from '../core/ports.ts';
import { dynamodbClient } from './dynamodb-client.ts';
import { awsError, isNamed } from './errors.ts';
import { backOff } from './retry.ts';

/** With the waits between them, some eight seconds. */
const WRITE_ATTEMPTS = 6;
/** What a scan brings of each record. */
const SCANNED = ['state', 'podCount', 'checkpointedAt', 'storedAt'] as const;

type Writes = NonNullable<BatchWriteCommandInput['RequestItems']>[string];

/** The catalogue in a DynamoDB table that was created as `CATALOGUE_TABLE` says. */
export function dynamodbCatalogue(tableName: string, client: DynamoDBClient = dynamodbClient()): Catalogue {
  return tableCatalogue(dynamodbItemTable(tableName, client));
}

export function dynamodbSurvey(tableName: string, client: DynamoDBClient = dynamodbClient()): CatalogueSurvey {
  return tableSurvey(dynamodbItemTable(tableName, client));
}

export function dynamodbCustodies(tableName: string, client: DynamoDBClient = dynamodbClient()): Custodies {
  return tableCustodies(dynamodbItemTable(tableName, client));
}

export function dynamodbItemTable(tableName: string, client: DynamoDBClient): ItemTable {
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const failed = (error: unknown) => awsError(error, `table ${tableName}`);

  return {
    async get({ pk, sk }) {
      try {
        const command = new GetCommand({ TableName: tableName, Key: { pk, sk }, ConsistentRead: true });
        return (await documents.send(command)).Item as Item | undefined;
      } catch (error) {
        throw failed(error);
      }
    },

    async put(item, condition) {
      try {
        await documents.send(new PutCommand({ TableName: tableName, Item: item, ...only(item, condition) }));
        return true;
      } catch (error) {
        if (isNamed(error, 'ConditionalCheckFailedException')) return false;
        throw failed(error);
      }
    },

    putAll: (items) => writeAll(items.map((Item) => ({ PutRequest: { Item } }))),

    removeAll: (keys) => writeAll(keys.map((key) => ({ DeleteRequest: { Key: { ...key } } }))),

    async remove({ pk, sk }, condition) {
      try {
        const where = condition === undefined ? {} : hasOrder(condition.order);
        await documents.send(new DeleteCommand({ TableName: tableName, Key: { pk, sk }, ...where }));
        return true;
      } catch (error) {
        if (isNamed(error, 'ConditionalCheckFailedException')) return false;
        throw failed(error);
      }
    },

    async query({ index, partition, from, to, descending, limit, startAfter }) {
      const { sortKey } = CATALOGUE_TABLE.indexes.find(({ name }) => name === index) ?? CATALOGUE_TABLE;
      try {
        const { Items, LastEvaluatedKey } = await documents.send(
          new QueryCommand({
            TableName: tableName,
            ...(index === undefined ? { ConsistentRead: true } : { IndexName: index }),
            KeyConditionExpression: '#partition = :partition AND #sort BETWEEN :from AND :to',
            ExpressionAttributeNames: { '#partition': index ?? CATALOGUE_TABLE.partitionKey, '#sort': sortKey },
            ExpressionAttributeValues: { ':partition': partition, ':from': from, ':to': to },
            ScanIndexForward: !descending,
            ...(limit !== undefined && { Limit: limit }),
            ...(startAfter !== undefined && { ExclusiveStartKey: { ...startAfter } }),
          }),
        );
        return {
          items: (Items ?? []) as Item[],
          ...(LastEvaluatedKey !== undefined && { next: LastEvaluatedKey as Record<string, string> }),
        };
      } catch (error) {
        if (startAfter !== undefined && isNamed(error, 'ValidationException')) {
          throw new PodfreightError('usage', 'The cursor is not one of this listing; start again without it.', {
            cause: error,
          });
        }
        throw failed(error);
      }
    },

    async scan(startAfter) {
      try {
        const { Items, LastEvaluatedKey } = await documents.send(
          new ScanCommand({
            TableName: tableName,
            ProjectionExpression: ['#pk, #sk, #order, #bucket', ...SCANNED.map((name) => `#record.#${name}`)].join(
              ', ',
            ),
            ExpressionAttributeNames: {
              '#pk': CATALOGUE_TABLE.partitionKey,
              '#sk': CATALOGUE_TABLE.sortKey,
              ...Object.fromEntries(['order', 'bucket', 'record', ...SCANNED].map((name) => [`#${name}`, name])),
            },
            ...(startAfter !== undefined && { ExclusiveStartKey: { ...startAfter } }),
          }),
        );
        return {
          items: (Items ?? []) as ScannedItem[],
          ...(LastEvaluatedKey !== undefined && { next: LastEvaluatedKey as Record<string, string> }),
        };
      } catch (error) {
        throw failed(error);
      }
    },
  };

  /** What DynamoDB is too busy for comes back without an error, and the SDK leaves it there. */
  async function writeAll(requests: Writes): Promise<void> {
    for (let left = requests, attempt = 1; left.length > 0; attempt++) {
      if (attempt > WRITE_ATTEMPTS) throw failed({ name: 'ThrottlingException' });
      if (attempt > 1) await backOff(attempt);
      try {
        const command = new BatchWriteCommand({ RequestItems: { [tableName]: left } });
        left = (await documents.send(command)).UnprocessedItems?.[tableName] ?? [];
      } catch (error) {
        throw failed(error);
      }
    }
  }
}

function only(item: Item, condition: WriteCondition | undefined) {
  if (condition === undefined) return {};
  return condition === 'not-older' ? notOlderThan(item) : hasOrder(condition.order);
}

function hasOrder(order: string | undefined) {
  return order === undefined
    ? {
        ConditionExpression: 'attribute_not_exists(#pk)',
        ExpressionAttributeNames: { '#pk': CATALOGUE_TABLE.partitionKey },
      }
    : {
        ConditionExpression: '#order = :order',
        ExpressionAttributeNames: { '#order': 'order' },
        ExpressionAttributeValues: { ':order': order },
      };
}

/** `identity` and `order` are attributes of ours; `#` keeps them from ever being reserved words. */
function notOlderThan({ identity, order }: Item) {
  return {
    ConditionExpression: 'attribute_not_exists(#pk) OR (#identity = :identity AND #order <= :order)',
    ExpressionAttributeNames: { '#pk': CATALOGUE_TABLE.partitionKey, '#identity': 'identity', '#order': 'order' },
    ExpressionAttributeValues: { ':identity': identity, ':order': order },
  };
}
