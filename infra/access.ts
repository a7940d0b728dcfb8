import { Aws } from 'aws-cdk-lib';
import type { Conditions } from 'aws-cdk-lib/aws-iam';
import { CATALOGUE_TABLE } from '../core/catalogue/table.ts';
import { OUTPUTS } from './outputs.ts';
import {
  anyKeyArn,
  anyRegion,
  bucketArn,
  bucketName,
  type DataBucket,
  type Deployment,
  regionsJson,
  stackArn,
  tableArn,
} from './places.ts';
import type { PodfreightRole, Subject } from './role.ts';

// Each function below tells one of our functions where a thing is and allows it, or a role of somebody, what is done there.
// Nothing else allows anything.

/** Whom this can be granted to. */
export type Grantee = Subject & Pick<PodfreightRole, 'needsWildcard'>;

/** Bears the name of the stacks: so keys are known in every region, and that of a stack that was destroyed and made again. */
export const KEY_TAG = 'podfreight';

/** A bucket of that name in another account, made by somebody who was there first, is not ours. */
const OURS = { StringEquals: { 'aws:ResourceAccount': Aws.ACCOUNT_ID } };

/** @param besides actions on the buckets themselves */
export function readsArchives(grantee: Grantee, deployment: Deployment, besides: readonly string[] = []): void {
  grantee.tell(OUTPUTS.ArchivesBucket, deployment.here.archivesBucket);
  grantee.tell(OUTPUTS.Regions, regionsJson(deployment));
  readsBuckets(grantee, deployment, 'archives', besides);
}

/** @param besides actions on the buckets themselves */
export function readsBundles(grantee: Grantee, deployment: Deployment, besides: readonly string[] = []): void {
  readsBuckets(grantee, deployment, 'bundles', besides);
}

/** What there is in this region's buckets, with the versions and markers of deleted ones. */
export function listsVersions(grantee: Grantee, { here }: Deployment): void {
  grantee.tell(OUTPUTS.BundlesBucket, here.bundlesBucket);
  grantee.allow(['s3:ListBucketVersions'], [here.archivesBucket, here.bundlesBucket].map(bucketArn), OURS);
}

/** All of it, by key and as a whole; forgets bundles that are gone, and finds where the pods of others came from. */
export function surveysCatalogue(grantee: Grantee, deployment: Deployment): void {
  const table = tableArn(deployment, deployment.here.region);
  grantee.allow(['dynamodb:Scan', 'dynamodb:DeleteItem'], [table]);
  listsByKey(grantee, deployment);
  grantee.allow(['dynamodb:Query'], [`${table}/index/sandbox`]);
}

export function listsByKey(grantee: Grantee, deployment: Deployment): void {
  grantee.allow(['dynamodb:Query'], [`${tableArn(deployment, deployment.here.region)}/index/bucket`]);
}

/** Removing leaves an old version, which the bucket's rules keep for a while. */
export function removesArchives(grantee: Grantee, { here }: Deployment): void {
  objects(grantee, [here.archivesBucket], '*', ['s3:DeleteObject']);
}

/** Reads, too, because a bundle asked for again is recognised; and lists what uploads it left, to go on with them. */
export function writesBundles(grantee: Grantee, deployment: Deployment): void {
  const { bundlesBucket } = deployment.here;
  grantee.tell(OUTPUTS.BundlesBucket, bundlesBucket);
  lists(grantee, [bundlesBucket], ['s3:ListBucketMultipartUploads']);
  const writing = ['s3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'];
  objects(grantee, [bundlesBucket], '*', ['s3:GetObject', 's3:GetObjectVersion', ...writing]);
  usesKeys(grantee, deployment, 'bundles', ['kms:Decrypt', 'kms:GenerateDataKey']);
}

export function writesCatalogue(grantee: Grantee, deployment: Deployment): void {
  grantee.tell(OUTPUTS.Table, deployment.tableName);
  const actions = ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:BatchWriteItem'];
  grantee.allow(actions, [tableArn(deployment, deployment.here.region)]);
}

export function readsCatalogueAndRecordsBundles(grantee: Grantee, deployment: Deployment): void {
  grantee.tell(OUTPUTS.Table, deployment.tableName);
  grantee.allow(['dynamodb:GetItem', 'dynamodb:PutItem'], [tableArn(deployment, deployment.here.region)]);
  queriesIndexes(grantee, deployment, deployment.here.region);
}

/** By its indexes, of whichever region's table is the nearest. */
export function readsCatalogue(grantee: Grantee, deployment: Deployment): void {
  queriesIndexes(grantee, deployment, anyRegion(deployment));
}

/** Those that list something to people. */
function queriesIndexes(grantee: Grantee, deployment: Deployment, region: string): void {
  const names = CATALOGUE_TABLE.indexes.filter(({ sortKey }) => sortKey === 'listedAt').map(({ name }) => name);
  allowInRegion(
    grantee,
    ['dynamodb:Query'],
    names.map((name) => `${tableArn(deployment, region)}/index/${name}`),
  );
}

/** As `allow`, on what has the same name in every region. */
export function allowInRegion(
  grantee: Grantee,
  actions: readonly string[],
  resources: readonly string[],
  conditions?: Conditions,
): void {
  grantee.allow(actions, resources, conditions);
  const reason = 'It has the same name in all regions of the deployment, and is ours in any other.';
  for (const resource of resources) if (resource.includes(':*:')) grantee.needsWildcard(resource, reason);
}

/** `podfreight configure` reads the stacks' outputs. */
export function looksAtStacks(grantee: Grantee, deployment: Deployment): void {
  const stacks = stackArn(deployment, anyRegion(deployment));
  grantee.allow(['cloudformation:DescribeStacks'], [stacks]);
  grantee.needsWildcard(stacks, 'What follows the name of a stack is drawn when it is made.');
}

function readsBuckets(grantee: Grantee, deployment: Deployment, what: DataBucket, besides: readonly string[]): void {
  const buckets = deployment.places.map(({ region }) => bucketName(what, deployment.config, region));
  lists(grantee, buckets, besides);
  objects(grantee, buckets, '*', ['s3:GetObject', 's3:GetObjectVersion']);
  usesKeys(grantee, deployment, what, ['kms:Decrypt']);
}

/**
 * Listing is no use to functions and nodes, but without it S3 answers 403 instead of 404 for an object that is gone, and a
 * late event about a deleted archive would look like a missing permission.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html "Permissions"
 */
export function lists(grantee: Grantee, buckets: readonly string[], actions: readonly string[] = []): void {
  grantee.allow(['s3:ListBucket', ...actions], buckets.map(bucketArn), OURS);
}

/** @param keys which of the buckets' keys, with `*` for whatever users choose */
export function objects(grantee: Grantee, buckets: readonly string[], keys: string, actions: readonly string[]): void {
  const resources = buckets.map((bucket) => `${bucketArn(bucket)}/${keys}`);
  grantee.allow(actions, resources, OURS);
  const reason = 'Objects of these buckets are named by users; the actions are listed one by one.';
  for (const resource of resources) grantee.needsWildcard(resource, reason);
}

/**
 * The keys of this deployment, wherever they are, as S3 uses them for objects of these buckets and in no other way.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html "the bucket ARN as the encryption context"
 */
export function usesKeys(grantee: Grantee, deployment: Deployment, what: DataBucket, actions: readonly string[]): void {
  const { config, places } = deployment;
  const region = anyRegion(deployment);
  const bucket = bucketArn(bucketName(what, config, region));
  grantee.allow(actions, [anyKeyArn(region)], {
    StringEquals: {
      [`aws:ResourceTag/${KEY_TAG}`]: config.stackName,
      'kms:ViaService': places.map((place) => `s3.${place.region}.amazonaws.com`),
    },
    StringLike: { 'kms:EncryptionContext:aws:s3:arn': [bucket, `${bucket}/*`] },
  });
  const reason = 'Conditions leave the keys with the tag of this deployment, for objects of the buckets named there.';
  grantee.needsWildcard(anyKeyArn(region), reason);
}
