import { type CfnResource, Stack, Validations } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { CATALOGUE_TABLE } from '../core/catalogue/table.ts';
import type { PodfreightFunction } from './function.ts';
import { OUTPUTS } from './outputs.ts';

// Each function below tells one of our functions where a thing is and what it may do there, and nothing else does.

/**
 * Listing is no use to the functions, but without it S3 answers 403 instead of 404 for an object that is gone, and a late
 * event about a deleted archive would look like a missing permission.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html "Permissions"
 */
const TELL_GONE_FROM_FORBIDDEN = 's3:ListBucket';

export function readsArchives(subject: PodfreightFunction, archives: Bucket): void {
  subject.function.addEnvironment(OUTPUTS.ArchivesBucket, archives.bucketName);
  subject.allow([TELL_GONE_FROM_FORBIDDEN], archives.bucketArn);
  allowObjects(subject, archives, ['s3:GetObject', 's3:GetObjectVersion']);
}

/** Reads, too, because a bundle asked for again is recognised; and lists what uploads it left, to go on with them. */
export function writesBundles(subject: PodfreightFunction, bundles: Bucket): void {
  subject.function.addEnvironment(OUTPUTS.BundlesBucket, bundles.bucketName);
  subject.allow([TELL_GONE_FROM_FORBIDDEN, 's3:ListBucketMultipartUploads'], bundles.bucketArn);
  const writing = ['s3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'];
  allowObjects(subject, bundles, ['s3:GetObject', 's3:GetObjectVersion', ...writing]);
}

export function writesCatalogue(subject: PodfreightFunction, table: TableV2): void {
  subject.function.addEnvironment(OUTPUTS.Table, table.tableName);
  subject.allow(['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'], table.tableArn);
}

export function readsCatalogueAndRecordsBundles(subject: PodfreightFunction, table: TableV2): void {
  subject.function.addEnvironment(OUTPUTS.Table, table.tableName);
  subject.allow(['dynamodb:GetItem', 'dynamodb:PutItem'], table.tableArn);
  for (const { name } of CATALOGUE_TABLE.indexes) subject.allow(['dynamodb:Query'], `${table.tableArn}/index/${name}`);
}

/** On every object of the bucket: which ones there are is what users decide, so it takes a wildcard. */
function allowObjects(subject: PodfreightFunction, bucket: Bucket, actions: readonly string[]): void {
  subject.allow(actions, bucket.arnForObjects('*'));
  const logicalId = Stack.of(bucket).getLogicalId(bucket.node.defaultChild as CfnResource);
  Validations.of(subject).acknowledge({
    id: `AwsSolutions-IAM5[Resource::<${logicalId}.Arn>/*]`,
    reason: 'The objects of this one bucket are named by its users; the actions are listed one by one.',
  });
}
