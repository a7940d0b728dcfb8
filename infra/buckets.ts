import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type CfnBucket,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { NORMALISED_PREFIX } from '../core/keys.ts';

const DAYS_TO_FINISH_AN_UPLOAD = 7;
/** What was rewritten for one bundle often serves the next. */
const DAYS_TO_USE_AGAIN = 7;

/** Nobody from outside, nothing in clear; outlives the stack, since a checkpoint exists nowhere else. */
const PRIVATE: BucketProps = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  encryption: BucketEncryption.S3_MANAGED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
  removalPolicy: RemovalPolicy.RETAIN,
};

const ABORT_UNFINISHED_UPLOADS = {
  id: 'abort-unfinished-uploads',
  abortIncompleteMultipartUploadAfter: Duration.days(DAYS_TO_FINISH_AN_UPLOAD),
};

/** Who read and wrote the others. An archive is the memory of processes: one must be able to tell who fetched it. */
export function accessLogBucket(scope: Construct, keepDays: number): Bucket {
  return new Bucket(scope, 'AccessLogs', {
    ...PRIVATE,
    lifecycleRules: [{ id: 'expire', expiration: Duration.days(keepDays) }],
  });
}

/** Sends its events to EventBridge. */
export function archivesBucket(scope: Construct, accessLogs: Bucket): Bucket {
  const bucket = versionedBucket(scope, 'Archives', accessLogs);
  // The construct's own switch deploys a function with wide permissions to set what is one property.
  const resource = bucket.node.defaultChild as CfnBucket;
  resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
  return bucket;
}

export function bundlesBucket(scope: Construct, accessLogs: Bucket): Bucket {
  const bucket = versionedBucket(scope, 'Bundles', accessLogs);
  bucket.addLifecycleRule({
    id: 'expire-normalised',
    prefix: NORMALISED_PREFIX,
    expiration: Duration.days(DAYS_TO_USE_AGAIN),
    noncurrentVersionExpiration: Duration.days(1),
  });
  return bucket;
}

function versionedBucket(scope: Construct, id: string, accessLogs: Bucket): Bucket {
  return new Bucket(scope, id, {
    ...PRIVATE,
    versioned: true,
    lifecycleRules: [ABORT_UNFINISHED_UPLOADS],
    // Its declaration and IBucket's differ in an optional property's `undefined`.
    serverAccessLogsBucket: accessLogs as IBucket,
    serverAccessLogsPrefix: `${id.toLowerCase()}/`,
  });
}
