import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AttributeType, Billing, ProjectionType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { CATALOGUE_TABLE } from '../core/catalogue/table.ts';
import type { Deployment } from './places.ts';

/** The catalogue, with a replica in every other region. Outlives the stack. */
export function catalogueTable(scope: Construct, { places, here, tableName }: Deployment): TableV2 {
  const key = (name: string) => ({ name, type: AttributeType.STRING });
  const { partitionKey, sortKey, timeToLive, indexes } = CATALOGUE_TABLE;
  const kept = {
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
  };
  const table = new TableV2(scope, 'CatalogueTable', {
    ...kept,
    tableName,
    partitionKey: key(partitionKey),
    sortKey: key(sortKey),
    timeToLiveAttribute: timeToLive,
    globalSecondaryIndexes: indexes.map((index) => ({
      indexName: index.name,
      partitionKey: key(index.partitionKey),
      sortKey: key(index.sortKey),
      projectionType: ProjectionType.ALL,
    })),
    billing: Billing.onDemand(),
    removalPolicy: RemovalPolicy.RETAIN,
    replicas: places.filter(({ region }) => region !== here.region).map(({ region }) => ({ ...kept, region })),
  });
  Validations.of(table).acknowledge({
    id: 'NIST.800.53.R5-DynamoDBInBackupPlan',
    reason: 'It can be restored to any second of 35 days, and is made again from the buckets, of which it is a view.',
  });
  return table;
}
