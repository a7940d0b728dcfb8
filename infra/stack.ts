import { CfnOutput, Duration, Stack, Validations } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { readsArchives, readsCatalogueAndRecordsBundles, writesBundles, writesCatalogue } from './access.ts';
import { accessLogBucket, archivesBucket, bundlesBucket } from './buckets.ts';
import { ObjectEvents } from './events.ts';
import { PodfreightFunction } from './function.ts';
import { regionKey } from './key.ts';
import { Operations } from './operations.ts';
import { OPERATING_OUTPUTS, OUTPUTS, ROLE_OUTPUTS } from './outputs.ts';
import { type Deployment, regionsJson } from './places.ts';
import { Repair } from './repair.ts';
import { Roles } from './roles.ts';
import { catalogueTable } from './table.ts';

/** Longer than a few ranged reads and one item for each pod take, ten times over. */
const CATALOGUE_TIMEOUT = Duration.minutes(1);
/** All that Lambda gives: the bundle itself goes on in the next invocation, but not the rewriting of one archive. */
const CREATE_BUNDLE_TIMEOUT = Duration.minutes(15);
/** Objects' events in one invocation. */
const EVENTS_AT_ONCE = 10;

/**
 * The archives' way into the catalogue and out as bundles, in one region: two buckets, a rule and a queue for the archives'
 * events, the function that catalogues them, and the function that makes bundles. In the primary region also the table,
 * which has a replica in each other one, and the roles of nodes and people.
 */
export class PodfreightStack extends Stack {
  constructor(scope: Construct, id: string, deployment: Deployment) {
    const { config, here, isPrimary, tableName } = deployment;
    super(scope, id, {
      stackName: config.stackName,
      description: 'podfreight: pod checkpoints in S3, their catalogue, and bundles of them',
      ...(config.regions.length > 0 && { env: { region: here.region } }),
    });

    // Lets S3's log service into the bucket by its policy; ACLs, the old way, are off.
    this.node.setContext('@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy', true);

    const key = regionKey(this, deployment);
    const accessLogs = accessLogBucket(this, deployment);
    archivesBucket(this, { deployment, key, accessLogs });
    bundlesBucket(this, { deployment, key, accessLogs });
    if (isPrimary) catalogueTable(this, deployment);
    const events = new ObjectEvents(this, 'Events', here, CATALOGUE_TIMEOUT);

    const catalogue = new PodfreightFunction(this, 'Catalogue', deployment, {
      name: 'catalogue',
      description: 'Catalogues archives that came to or went from the archives bucket',
      timeout: CATALOGUE_TIMEOUT,
      memoryMiB: config.catalogueMemoryMiB,
      key,
      unbounded: `The queue's mapping runs ${config.catalogueConcurrency} at once; a reservation would only make it throttle.`,
    });
    readsArchives(catalogue, deployment);
    writesCatalogue(catalogue, deployment);
    handles(catalogue, events, config.catalogueConcurrency);

    const { bundleConcurrency } = config;
    const createBundle = new PodfreightFunction(this, 'CreateBundle', deployment, {
      name: 'create-bundle',
      description: 'Makes one bundle of pods out of archives',
      timeout: CREATE_BUNDLE_TIMEOUT,
      memoryMiB: config.bundleMemoryMiB,
      key,
      ...(bundleConcurrency === 'unreserved'
        ? { unbounded: 'Its setting says "unreserved", for accounts that have too little concurrency to reserve any.' }
        : { concurrency: bundleConcurrency }),
    });
    readsArchives(createBundle, deployment);
    writesBundles(createBundle, deployment);
    readsCatalogueAndRecordsBundles(createBundle, deployment);

    const { reconcile, retention } = new Repair(this, 'Repair', deployment, key);
    const functions = { catalogue, 'create-bundle': createBundle, reconcile, retention };
    const operations = new Operations(this, 'Operations', config, key, { events, functions });

    this.#output(OUTPUTS, {
      ArchivesBucket: here.archivesBucket,
      BundlesBucket: here.bundlesBucket,
      Table: tableName,
      BundleFunction: createBundle.function.functionName,
      Regions: regionsJson(deployment),
    });
    this.#output(OPERATING_OUTPUTS, {
      EventsQueueUrl: events.queue.queueUrl,
      EventsQueueArn: events.queue.queueArn,
      DeadLettersUrl: events.deadLetters.queueUrl,
      DeadLettersArn: events.deadLetters.queueArn,
      AlarmTopicArn: operations.topic.topicArn,
      DashboardName: operations.dashboard.dashboardName,
    });
    if (isPrimary) {
      const roles = new Roles(this, 'Roles', deployment);
      this.#output(ROLE_OUTPUTS, {
        AgentRoleArn: roles.agent.roleArn,
        NodeRoleArn: roles.oneNode.roleArn,
        OperatorRoleArn: roles.operator.roleArn,
        ReaderRoleArn: roles.reader.roleArn,
      });
    }
  }

  #output<Name extends string>(names: Readonly<Record<Name, string>>, values: Readonly<Record<Name, string>>): void {
    for (const name of Object.keys(names) as Name[]) {
      new CfnOutput(this, name, { value: values[name], description: names[name] });
    }
  }
}

/** Batches of events to the function; messages it does not report as failed are done. */
function handles(catalogue: PodfreightFunction, { queue }: ObjectEvents, maxConcurrency: number): void {
  catalogue.allow(
    ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
    [queue.queueArn],
  );
  const mapping = new EventSourceMapping(catalogue, 'Events', {
    target: catalogue.function,
    eventSourceArn: queue.queueArn,
    batchSize: EVENTS_AT_ONCE,
    reportBatchItemFailures: true,
    maxConcurrency,
  });
  Validations.of(mapping).acknowledge({
    id: 'Serverless-LambdaEventSourceMappingDestination',
    reason: 'Queues have no such destination: what fails goes to the dead-letter queue of the queue itself.',
  });
}
