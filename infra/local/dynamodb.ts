import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  ResourceInUseException,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { PodfreightError } from '../../core/errors.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import type { Resource, Template } from './template.ts';

const ACTIVE_EVERY_MS = 2;

/** DynamoDB by dynalite. @param options.path a folder for the data; without it they are in memory */
export async function startDynamoDb(options: { path?: string; port?: number } = {}): Promise<Endpoint> {
  const immediately = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 };
  const server = dynalite({ ...immediately, ...(options.path !== undefined && { path: options.path }) });
  try {
    await listen(server, options.port ?? 0);
  } catch (error) {
    // dynalite opens its data when it is made and lets go of them only when it stops listening.
    await listen(server, 0);
    await endpointOf(server).close();
    throw error;
  }
  return endpointOf(server);
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

type TableProperties = Pick<
  CreateTableCommandInput,
  'KeySchema' | 'AttributeDefinitions' | 'BillingMode' | 'GlobalSecondaryIndexes'
>;

/**
 * Creates the template's tables where they are not there yet.
 * @throws PodfreightError `conflict` when one is there with other keys, because it was made by another version
 */
export async function createTables(client: DynamoDBClient, template: Template): Promise<void> {
  const tables = template.resources<TableProperties>('AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable');
  await Promise.all(
    tables.map(async (table) => {
      await createTable(client, table);
      while ((await describe(client, table.name)).TableStatus !== 'ACTIVE') await sleep(ACTIVE_EVERY_MS);
    }),
  );
}

async function describe(client: DynamoDBClient, name: string): Promise<TableDescription> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
  return Table ?? {};
}

async function createTable(client: DynamoDBClient, { name, properties }: Resource<TableProperties>): Promise<void> {
  const indexes = properties.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
    IndexName,
    KeySchema,
    Projection,
  }));
  const command = new CreateTableCommand({
    TableName: name,
    KeySchema: properties.KeySchema,
    AttributeDefinitions: properties.AttributeDefinitions,
    BillingMode: properties.BillingMode,
    ...(indexes && indexes.length > 0 && { GlobalSecondaryIndexes: indexes }),
  });
  try {
    await client.send(command);
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
    if (shape(await describe(client, name)) === shape(properties)) return;
    const message = `The table "${name}" in the embedded stack's folder was made by another version of podfreight; remove the folder to start anew.`;
    throw new PodfreightError('conflict', message, { subject: { table: name } });
  }
}

interface Keyed {
  readonly KeySchema?: readonly KeySchemaElement[] | undefined;
  readonly GlobalSecondaryIndexes?:
    | readonly {
        readonly IndexName?: string | undefined;
        readonly KeySchema?: readonly KeySchemaElement[] | undefined;
      }[]
    | undefined;
}

/** The keys of a table and its indexes, as one comparable text. */
function shape({ KeySchema, GlobalSecondaryIndexes }: Keyed): string {
  const keys = (schema: readonly KeySchemaElement[] = []) => schema.map(({ AttributeName }) => AttributeName).join(' ');
  const indexes = GlobalSecondaryIndexes?.map(({ IndexName, KeySchema }) => `${IndexName} ${keys(KeySchema)}`).sort();
  return [keys(KeySchema), ...(indexes ?? [])].join('\n');
}
