import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectTaggingCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { clientOf, REGION, refused, startEndpoint } from '../endpoint.ts';

const { s3 } = await startEndpoint();
const Bucket = 'configured';
await s3.send(new CreateBucketCommand({ Bucket }));

test('buckets are made, found, listed and removed once empty', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: 'brief' }));
  await s3.send(new CreateBucketCommand({ Bucket: 'brief' })); // no error in us-east-1
  assert.equal((await s3.send(new HeadBucketCommand({ Bucket: 'brief' }))).BucketRegion, REGION);
  assert.equal((await s3.send(new GetBucketLocationCommand({ Bucket: 'brief' }))).LocationConstraint, undefined);
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  assert.deepEqual(
    Buckets?.map(({ Name }) => Name),
    ['brief', Bucket],
  );
  await s3.send(new PutObjectCommand({ Bucket: 'brief', Key: 'k', Body: '' }));
  await refused(s3.send(new DeleteBucketCommand({ Bucket: 'brief' })), 'BucketNotEmpty', 409);
  await refused(s3.send(new HeadBucketCommand({ Bucket: 'absent' })), 'NotFound', 404);
  await refused(s3.send(new DeleteBucketCommand({ Bucket: 'absent' })), 'NoSuchBucket', 404);
  await refused(s3.send(new CreateBucketCommand({ Bucket: 'No_Name' })), 'InvalidBucketName', 400);
});

test('in other regions a bucket is made once, and its region is known', async () => {
  const { url } = await startEndpoint({ region: 'eu-central-1' });
  const there = clientOf(url, { region: 'eu-central-1' });
  await there.send(new CreateBucketCommand({ Bucket }));
  await refused(there.send(new CreateBucketCommand({ Bucket })), 'BucketAlreadyOwnedByYou', 409);
  assert.equal((await there.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint, 'eu-central-1');
  await refused(clientOf(url).send(new GetBucketLocationCommand({ Bucket })), 'AuthorizationHeaderMalformed', 400);
});

test('lifecycle rules', async () => {
  await refused(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })), 'NoSuchLifecycleConfiguration', 404);
  const Rules = [{ ID: 'x', Status: 'Enabled', Filter: { Prefix: 'tmp/' }, Expiration: { Days: 1 } } as const];
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [...Rules] } }));
  assert.deepEqual((await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules, Rules);
});

test('policy', async () => {
  await refused(s3.send(new GetBucketPolicyCommand({ Bucket })), 'NoSuchBucketPolicy', 404);
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  assert.equal((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy, Policy);
  await refused(s3.send(new PutBucketPolicyCommand({ Bucket, Policy: '{' })), 'MalformedPolicy', 400);
  await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
  await refused(s3.send(new GetBucketPolicyCommand({ Bucket })), 'NoSuchBucketPolicy', 404);
});

test('encryption and public access', async () => {
  const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } } as const;
  const ServerSideEncryptionConfiguration = { Rules: [rule] };
  await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
  const encryption = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
  assert.deepEqual(encryption.ServerSideEncryptionConfiguration, ServerSideEncryptionConfiguration);
  const PublicAccessBlockConfiguration = { BlockPublicAcls: true };
  await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
  const access = await s3.send(new GetPublicAccessBlockCommand({ Bucket }));
  assert.deepEqual(access.PublicAccessBlockConfiguration, PublicAccessBlockConfiguration);
});

test('notifications to EventBridge', async () => {
  const get = () => s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }));
  assert.equal((await get()).EventBridgeConfiguration, undefined);
  const NotificationConfiguration = { EventBridgeConfiguration: {} };
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  assert.deepEqual((await get()).EventBridgeConfiguration, {});
});

test('versioning', async () => {
  const get = async () => (await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status;
  assert.equal(await get(), undefined);
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  assert.equal(await get(), 'Enabled');
  const nonsense = { Bucket, VersioningConfiguration: { Status: 'On' as 'Enabled' } };
  await refused(s3.send(new PutBucketVersioningCommand(nonsense)), 'IllegalVersioningConfigurationException', 400);
  assert.equal(await get(), 'Enabled');
});

test('tags of an object, given with it and later', async () => {
  const object = { Bucket, Key: 'tagged' };
  const get = async () => (await s3.send(new GetObjectTaggingCommand(object))).TagSet;
  await s3.send(new PutObjectCommand({ ...object, Body: '1', Tagging: 'a=b&c=d%20e' }));
  assert.deepEqual(await get(), [
    { Key: 'a', Value: 'b' },
    { Key: 'c', Value: 'd e' },
  ]);
  const TagSet = [{ Key: '<', Value: '' }];
  await s3.send(new PutObjectTaggingCommand({ ...object, Tagging: { TagSet } }));
  assert.deepEqual(await get(), TagSet);
  const twice = { TagSet: [...TagSet, ...TagSet] };
  await refused(s3.send(new PutObjectTaggingCommand({ ...object, Tagging: twice })), 'InvalidTag', 400);
  await s3.send(new DeleteObjectTaggingCommand(object));
  assert.deepEqual(await get(), []);
  await refused(s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'absent' })), 'NoSuchKey', 404);
});
