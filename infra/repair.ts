import { Duration, Validations } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget } from 'aws-cdk-lib/aws-events-targets';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { RECONCILE_HOURS } from '../core/reconcile/schedule.ts';
import { RETENTION } from '../core/retention/policy.ts';
import {
  listsByKey,
  listsVersions,
  readsArchives,
  readsBundles,
  readsCatalogue,
  removesArchives,
  surveysCatalogue,
  writesCatalogue,
} from './access.ts';
import { PodfreightFunction } from './function.ts';
import type { Deployment } from './places.ts';

/** All that Lambda gives: what is not done by then is done by the next. */
const RECONCILE_TIMEOUT = Duration.minutes(15);
const RECONCILE_MEMORY_MIB = 512;
/** A run that is unfinished goes on within the hour; one that is finished costs one read until the next is due. */
const LOOK_EVERY = Duration.hours(1);

const PRUNE_EVERY = Duration.days(1);
const RETENTION_TIMEOUT = Duration.minutes(15);
/** Some million checkpoints of a cluster. */
const RETENTION_MEMORY_MIB = 1024;

/** What keeps the catalogue and the buckets of one region the same where events do not. */
export class Repair extends Construct {
  readonly reconcile: PodfreightFunction;
  readonly retention: PodfreightFunction;

  constructor(scope: Construct, id: string, deployment: Deployment, key: IKey) {
    super(scope, id);
    const reconcile = new PodfreightFunction(this, 'Reconcile', deployment, {
      name: 'reconcile',
      description: 'Compares the buckets with the catalogue, and heals what differs',
      timeout: RECONCILE_TIMEOUT,
      memoryMiB: RECONCILE_MEMORY_MIB,
      key,
      unbounded: 'The clock asks for one at a time; two at once would only do the same twice.',
    });
    reconcile.tell(RECONCILE_HOURS, String(deployment.config.reconcileEveryHours));
    readsArchives(reconcile, deployment);
    readsBundles(reconcile, deployment);
    listsVersions(reconcile, deployment);
    writesCatalogue(reconcile, deployment);
    surveysCatalogue(reconcile, deployment);
    this.reconcile = reconcile;
    const schedule = new Rule(this, 'ReconcileSchedule', {
      description: 'Compares buckets and catalogue when it is time',
      schedule: Schedule.rate(LOOK_EVERY),
      targets: [new FunctionTarget(reconcile.function)],
    });
    Validations.of(schedule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason: 'A tick says nothing that the next one does not say.',
    });

    const { retention: policy } = deployment.config;
    const retention = new PodfreightFunction(this, 'Retention', deployment, {
      name: 'retention',
      description: 'Removes the archives that the retention policy lets go',
      timeout: RETENTION_TIMEOUT,
      memoryMiB: RETENTION_MEMORY_MIB,
      key,
      unbounded: 'The clock asks for one at a time; two at once would only do the same twice.',
    });
    this.retention = retention;
    readsArchives(retention, deployment);
    writesCatalogue(retention, deployment);
    readsCatalogue(retention, deployment);
    listsByKey(retention, deployment);
    // Without a policy it can tell what one would remove, and not do it; and no clock asks it.
    if (policy === undefined) return;
    retention.tell(RETENTION, JSON.stringify(policy));
    removesArchives(retention, deployment);
    const daily = new Rule(this, 'RetentionSchedule', {
      description: 'Removes the archives that the retention policy lets go',
      schedule: Schedule.rate(PRUNE_EVERY),
      targets: [new FunctionTarget(retention.function)],
    });
    Validations.of(daily).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason: 'A tick says nothing that the next one does not say.',
    });
  }
}
