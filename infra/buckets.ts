import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AnyPrincipal, type Conditions, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type CfnBucket,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { NORMALISED_PREFIX } from '../core/keys.ts';
import { bucketName, type Deployment } from './places.ts';

/** What was rewritten for one bundle often serves the next. */
const DAYS_TO_USE_AGAIN = 7;

/** Nobody from outside, nothing in clear; outlives the stack, since a checkpoint exists nowhere else. */
const PRIVATE: BucketProps = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  versioned: true,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
  removalPolicy: RemovalPolicy.RETAIN,
};

const WITHOUT_REPLICA =
  'S3 keeps it in three zones; a copy in another region would be a second place for the memory of processes, and cost as much again.';

/** What the buckets of one stack share. */
export interface BucketsContext {
  readonly deployment: Deployment;
  readonly key: IKey;
  readonly accessLogs: Bucket;
}

/** Who read and wrote the others. An archive is the memory of processes: one must be able to tell who fetched it. */
export function accessLogBucket(scope: Construct, { config, here }: Deployment): Bucket {
  const bucket = new Bucket(scope, 'AccessLogs', {
    ...PRIVATE,
    bucketName: bucketName('access-logs', config, here.region),
    encryption: BucketEncryption.S3_MANAGED,
    lifecycleRules: [
      {
        id: 'expire',
        expiration: Duration.days(config.logRetentionDays),
        noncurrentVersionExpiration: Duration.days(1),
      },
    ],
  });
  acknowledge(bucket, 'S3DefaultEncryptionKMS', 'S3 delivers access logs only where it encrypts with its own keys.');
  acknowledge(bucket, 'S3BucketReplicationEnabled', WITHOUT_REPLICA);
  return bucket;
}

/** Sends its events to EventBridge. */
export function archivesBucket(scope: Construct, context: BucketsContext): Bucket {
  const bucket = dataBucket(scope, 'Archives', context.deployment.here.archivesBucket, context);
  // The construct's own switch deploys a function with wide permissions to set what is one property.
  const resource = bucket.node.defaultChild as CfnBucket;
  resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
  return bucket;
}

export function bundlesBucket(scope: Construct, context: BucketsContext): Bucket {
  return dataBucket(scope, 'Bundles', context.deployment.here.bundlesBucket, context, [
    {
      id: 'expire-normalised',
      prefix: NORMALISED_PREFIX,
      expiration: Duration.days(DAYS_TO_USE_AGAIN),
      noncurrentVersionExpiration: Duration.days(1),
    },
  ]);
}

/** Every key is written once, by our key or not at all. */
function dataBucket(
  scope: Construct,
  id: string,
  name: string,
  { deployment: { config }, key, accessLogs }: BucketsContext,
  rules: LifecycleRule[] = [],
): Bucket {
  const bucket = new Bucket(scope, id, {
    ...PRIVATE,
    bucketName: name,
    encryption: BucketEncryption.KMS,
    encryptionKey: key,
    bucketKeyEnabled: true,
    objectLockEnabled: config.objectLock,
    lifecycleRules: [
      {
        id: 'abort-unfinished-uploads',
        abortIncompleteMultipartUploadAfter: Duration.days(config.unfinishedUploadDays),
      },
      {
        // Keys are written once, so that an old version is always something deleted.
        id: 'forget-deleted',
        noncurrentVersionExpiration: Duration.days(config.deletedRetentionDays),
        expiredObjectDeleteMarker: true,
      },
      ...rules,
    ],
    // Its declaration and IBucket's differ in an optional property's `undefined`.
    serverAccessLogsBucket: accessLogs as IBucket,
    serverAccessLogsPrefix: `${id.toLowerCase()}/`,
  });
  const header = 's3:x-amz-server-side-encryption';
  const present = (key: string) => ({ [key]: 'false' });
  // Of a multipart upload, it is the completion that makes the object: only it takes the header.
  // @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
  denyPut(bucket, 'OverwriteNothing', {
    Null: { 's3:if-none-match': 'true' },
    Bool: { 's3:ObjectCreationOperation': 'true' },
  });
  denyPut(bucket, 'NoOtherEncryption', { StringNotEquals: { [header]: 'aws:kms' }, Null: present(header) });
  const keyId = `${header}-aws-kms-key-id`;
  denyPut(bucket, 'NoOtherKey', { ArnNotEquals: { [keyId]: key.keyArn }, Null: present(keyId) });
  denyPut(bucket, 'NoKeyOfTheSender', { Null: present(`${header}-customer-algorithm`) });
  acknowledge(bucket, 'S3BucketReplicationEnabled', WITHOUT_REPLICA);
  return bucket;
}

function denyPut(bucket: Bucket, sid: string, conditions: Conditions): void {
  bucket.addToResourcePolicy(
    new PolicyStatement({
      sid,
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['s3:PutObject'],
      resources: [bucket.arnForObjects('*')],
      conditions,
    }),
  );
}

function acknowledge(bucket: Bucket, rule: string, reason: string): void {
  Validations.of(bucket).acknowledge({ id: `NIST.800.53.R5-${rule}`, reason });
}
