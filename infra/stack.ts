import { CfnOutput, Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import { AttributeType, Billing, ProjectionType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { CATALOGUE_TABLE } from '../core/catalogue/table.ts';
import { readsArchives, readsCatalogueAndRecordsBundles, writesBundles, writesCatalogue } from './access.ts';
import { accessLogBucket, archivesBucket, bundlesBucket } from './buckets.ts';
import type { Config } from './config.ts';
import { PodfreightFunction } from './function.ts';
import { OUTPUTS } from './outputs.ts';

/** Longer than a few ranged reads and one item for each pod take, ten times over. */
const CATALOGUE_TIMEOUT = Duration.minutes(1);
/** All that Lambda gives: the bundle itself goes on in the next invocation, but not the rewriting of one archive. */
const CREATE_BUNDLE_TIMEOUT = Duration.minutes(15);
/** The index of ten thousand pods several times over, and a whole processor (at 1,769 MiB) to compress with. */
const CREATE_BUNDLE_MEMORY = Size.mebibytes(2048);
/** Attempts at one event before it is put aside; with the visibility timeout between them, two hours. */
const MAX_RECEIVE_COUNT = 20;

/**
 * The archives' way into the catalogue and out as bundles: two buckets, a rule and a queue for the archives' events, the
 * function that catalogues them, the table, and the function that makes bundles.
 */
export class PodfreightStack extends Stack {
  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id, { description: 'podfreight: pod checkpoints in S3, their catalogue, and bundles of them' });

    // Lets S3's log service into the bucket by its policy; ACLs, the old way, are off.
    this.node.setContext('@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy', true);

    const accessLogs = accessLogBucket(this, config.logRetentionDays);
    const archives = archivesBucket(this, accessLogs);
    const bundles = bundlesBucket(this, accessLogs);
    const table = catalogueTable(this);
    const events = eventQueue(this);
    sendObjectEvents(this, archives, events);

    const catalogue = new PodfreightFunction(this, 'Catalogue', {
      name: 'catalogue',
      description: 'Catalogues archives that came to or went from the archives bucket',
      timeout: CATALOGUE_TIMEOUT,
      memory: Size.mebibytes(512),
      logRetentionDays: config.logRetentionDays,
    });
    readsArchives(catalogue, archives);
    writesCatalogue(catalogue, table);
    catalogue.function.addEventSource(
      new SqsEventSource(events, {
        batchSize: 10,
        reportBatchItemFailures: true,
        maxConcurrency: config.catalogueConcurrency,
      }),
    );

    const createBundle = new PodfreightFunction(this, 'CreateBundle', {
      name: 'create-bundle',
      description: 'Makes one bundle of pods out of archives',
      timeout: CREATE_BUNDLE_TIMEOUT,
      memory: CREATE_BUNDLE_MEMORY,
      logRetentionDays: config.logRetentionDays,
      ...(config.bundleConcurrency !== undefined && { concurrency: config.bundleConcurrency }),
    });
    readsArchives(createBundle, archives);
    writesBundles(createBundle, bundles);
    readsCatalogueAndRecordsBundles(createBundle, table);

    this.#output('ArchivesBucket', archives.bucketName);
    this.#output('BundlesBucket', bundles.bucketName);
    this.#output('Table', table.tableName);
    this.#output('BundleFunction', createBundle.function.functionName);
  }

  #output(name: keyof typeof OUTPUTS, value: string): void {
    new CfnOutput(this, name, { value, description: OUTPUTS[name] });
  }
}

function catalogueTable(scope: Construct): TableV2 {
  const key = (name: string) => ({ name, type: AttributeType.STRING });
  const { partitionKey, sortKey, indexes } = CATALOGUE_TABLE;
  return new TableV2(scope, 'CatalogueTable', {
    partitionKey: key(partitionKey),
    sortKey: key(sortKey),
    globalSecondaryIndexes: indexes.map((index) => ({
      indexName: index.name,
      partitionKey: key(index.partitionKey),
      sortKey: key(index.sortKey),
      projectionType: ProjectionType.ALL,
    })),
    billing: Billing.onDemand(),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}

function eventQueue(scope: Construct): Queue {
  const secret = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
  const deadLetters = new Queue(scope, 'DeadLetters', { ...secret, retentionPeriod: Duration.days(14) });
  return new Queue(scope, 'Events', {
    ...secret,
    // Six times the function's timeout, as Lambda's documentation asks of a queue that feeds a function.
    visibilityTimeout: Duration.seconds(6 * CATALOGUE_TIMEOUT.toSeconds()),
    retentionPeriod: Duration.days(14),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
  });
}

function sendObjectEvents(scope: Construct, archives: Bucket, events: Queue): void {
  new Rule(scope, 'ObjectEvents', {
    description: 'Archives that came or went, for the catalogue',
    eventPattern: {
      source: ['aws.s3'],
      detailType: ['Object Created', 'Object Deleted'],
      detail: { bucket: { name: [archives.bucketName] } },
    },
    targets: [new SqsQueue(events)],
  });
}
