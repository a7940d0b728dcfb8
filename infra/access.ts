import { Aws } from 'aws-cdk-lib';
import { CATALOGUE_TABLE } from '../core/catalogue/table.ts';
import { OUTPUTS } from './outputs.ts';
import { anyKeyArn, bucketArn, type Deployment, type Place, regionsJson, tableArn } from './places.ts';
import type { PodfreightRole, Subject } from './role.ts';

// Each function below tells one of our functions where a thing is and allows it, or a role of somebody, what is done there.
// Nothing else allows anything.

/** Whom this can be granted to. */
export type Grantee = Subject & Pick<PodfreightRole, 'needsWildcard'>;

/** Bears the name of the stacks: so keys are known in every region, and that of a stack that was destroyed and made again. */
export const KEY_TAG = 'podfreight';

/** A bucket of that name in another account, made by somebody who was there first, is not ours. */
const OURS = { StringEquals: { 'aws:ResourceAccount': Aws.ACCOUNT_ID } };

export function readsArchives(grantee: Grantee, deployment: Deployment): void {
  grantee.tell(OUTPUTS.ArchivesBucket, deployment.here.archivesBucket);
  grantee.tell(OUTPUTS.Regions, regionsJson(deployment));
  readsBuckets(grantee, deployment, ({ archivesBucket }) => archivesBucket);
}

export function readsBundles(grantee: Grantee, deployment: Deployment): void {
  readsBuckets(grantee, deployment, ({ bundlesBucket }) => bundlesBucket);
}

/** What there is in this region's buckets, with the versions and markers of deleted ones. */
export function listsVersions(grantee: Grantee, { here }: Deployment): void {
  grantee.tell(OUTPUTS.BundlesBucket, here.bundlesBucket);
  grantee.allow(['s3:ListBucketVersions'], [here.archivesBucket, here.bundlesBucket].map(bucketArn), OURS);
}

/** All of it, by key and as a whole; and forgets bundles that are gone. */
export function surveysCatalogue(grantee: Grantee, deployment: Deployment): void {
  grantee.allow(['dynamodb:Scan', 'dynamodb:DeleteItem'], [tableArn(deployment, deployment.here)]);
  listsByKey(grantee, deployment);
}

export function listsByKey(grantee: Grantee, deployment: Deployment): void {
  grantee.allow(['dynamodb:Query'], [`${tableArn(deployment, deployment.here)}/index/bucket`]);
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
  usesKeys(grantee, deployment, [bundlesBucket], ['kms:Decrypt', 'kms:GenerateDataKey']);
}

export function writesCatalogue(grantee: Grantee, deployment: Deployment): void {
  grantee.tell(OUTPUTS.Table, deployment.tableName);
  const actions = ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:BatchWriteItem'];
  grantee.allow(actions, [tableArn(deployment, deployment.here)]);
}

export function readsCatalogueAndRecordsBundles(grantee: Grantee, deployment: Deployment): void {
  grantee.tell(OUTPUTS.Table, deployment.tableName);
  grantee.allow(['dynamodb:GetItem', 'dynamodb:PutItem'], [tableArn(deployment, deployment.here)]);
  queriesIndexes(grantee, deployment, [deployment.here]);
}

/** By its indexes, of whichever region's table is the nearest. */
export function readsCatalogue(grantee: Grantee, deployment: Deployment): void {
  queriesIndexes(grantee, deployment, deployment.places);
}

/** Those that list something to people. */
function queriesIndexes(grantee: Grantee, deployment: Deployment, places: readonly Place[]): void {
  const names = CATALOGUE_TABLE.indexes.filter(({ sortKey }) => sortKey === 'listedAt').map(({ name }) => name);
  const indexes = places.flatMap((place) => names.map((name) => `${tableArn(deployment, place)}/index/${name}`));
  grantee.allow(['dynamodb:Query'], indexes);
}

/** `podfreight configure` reads the stacks' outputs, `podfreight doctor` whether the buckets keep versions. */
export function looksAtStacks(grantee: Grantee, { config, places }: Deployment): void {
  const stacks = places.map(
    ({ region }) => `arn:${Aws.PARTITION}:cloudformation:${region}:${Aws.ACCOUNT_ID}:stack/${config.stackName}/*`,
  );
  grantee.allow(['cloudformation:DescribeStacks'], stacks);
  for (const stack of stacks)
    grantee.needsWildcard(stack, 'What follows the name of a stack is drawn when it is made.');
  const buckets = places.flatMap(({ archivesBucket, bundlesBucket }) => [archivesBucket, bundlesBucket]);
  grantee.allow(['s3:GetBucketVersioning'], buckets.map(bucketArn), OURS);
}

function readsBuckets(grantee: Grantee, deployment: Deployment, bucketOf: (place: Place) => string): void {
  const buckets = deployment.places.map(bucketOf);
  lists(grantee, buckets);
  objects(grantee, buckets, '*', ['s3:GetObject', 's3:GetObjectVersion']);
  usesKeys(grantee, deployment, buckets, ['kms:Decrypt']);
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
export function usesKeys(
  grantee: Grantee,
  { config, places }: Deployment,
  buckets: readonly string[],
  actions: readonly string[],
): void {
  const keys = places.map(anyKeyArn);
  grantee.allow(actions, keys, {
    StringEquals: {
      [`aws:ResourceTag/${KEY_TAG}`]: config.stackName,
      'kms:ViaService': places.map(({ region }) => `s3.${region}.amazonaws.com`),
    },
    StringLike: {
      'kms:EncryptionContext:aws:s3:arn': buckets.flatMap((bucket) => [bucketArn(bucket), `${bucketArn(bucket)}/*`]),
    },
  });
  const reason = 'Conditions leave the keys with the tag of this deployment, for objects of the buckets named there.';
  for (const key of keys) grantee.needsWildcard(key, reason);
}
