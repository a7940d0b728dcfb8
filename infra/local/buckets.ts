import {
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Resource, Template } from './template.ts';

interface BucketProperties {
  readonly ObjectLockEnabled?: boolean;
  readonly VersioningConfiguration?: { readonly Status?: 'Enabled' | 'Suspended' };
  readonly NotificationConfiguration?: {
    readonly EventBridgeConfiguration?: { readonly EventBridgeEnabled?: boolean };
  };
}

/** Creates the template's buckets where they are not there yet. */
export async function createBuckets(client: S3Client, template: Template): Promise<void> {
  const buckets = template.resources<BucketProperties>('AWS::S3::Bucket');
  await Promise.all(buckets.map((bucket) => createBucket(client, bucket)));
}

async function createBucket(client: S3Client, { name, properties }: Resource<BucketProperties>): Promise<void> {
  try {
    await client.send(new CreateBucketCommand({ Bucket: name }));
  } catch (error) {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  }
  const versions = properties.VersioningConfiguration?.Status;
  if (versions) {
    const VersioningConfiguration = { Status: versions };
    await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
  }
  if (properties.ObjectLockEnabled) {
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' } as const;
    await client.send(new PutObjectLockConfigurationCommand({ Bucket: name, ObjectLockConfiguration }));
  }
  if (properties.NotificationConfiguration?.EventBridgeConfiguration?.EventBridgeEnabled) {
    const NotificationConfiguration = { EventBridgeConfiguration: {} };
    await client.send(new PutBucketNotificationConfigurationCommand({ Bucket: name, NotificationConfiguration }));
  }
}
