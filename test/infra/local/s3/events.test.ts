import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { S3Event } from '../../../../infra/local/s3/server.ts';
import { refused, startEndpoint, temporaryFolder, until } from './endpoint.ts';

async function announcingBucket(s3: S3Client, Bucket: string) {
  await s3.send(new CreateBucketCommand({ Bucket }));
  const NotificationConfiguration = { EventBridgeConfiguration: {} };
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
}

const { s3, events } = await startEndpoint({ accountId: '111122223333' });
const [Bucket, Versioned] = ['announced', 'versioned'];
for (const name of [Bucket, Versioned]) await announcingBucket(s3, name);
await s3.send(new PutBucketVersioningCommand({ Bucket: Versioned, VersioningConfiguration: { Status: 'Enabled' } }));

/** The events of what `act` does. */
async function eventsOf(count: number, act: () => Promise<unknown>): Promise<S3Event[]> {
  events.length = 0;
  await act();
  await until(() => events.length >= count, `${count} events`);
  return [...events];
}

test('an upload has the form that Amazon documents', async () => {
  const [event] = await eventsOf(1, () => s3.send(new PutObjectCommand({ Bucket, Key: 'k ü', Body: 'hello' })));
  assert.ok(event);
  const { id, time, detail, ...envelope } = event;
  assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(envelope, {
    version: '0',
    'detail-type': 'Object Created',
    source: 'aws.s3',
    account: '111122223333',
    region: 'us-east-1',
    resources: ['arn:aws:s3:::announced'],
  });
  const { object, 'request-id': requestId, ...rest } = detail;
  const { sequencer, ...named } = object;
  assert.deepEqual(named, { key: 'k ü', size: 5, etag: '5d41402abc4b2a76b9719d911017c592' });
  assert.match(sequencer, /^[0-9A-F]{16,}$/);
  assert.match(requestId, /^[0-9A-F]{16}$/);
  assert.deepEqual(rest, {
    version: '0',
    bucket: { name: Bucket },
    requester: '111122223333',
    'source-ip-address': '127.0.0.1',
    reason: 'PutObject',
  });
});

test('copies and completed uploads say so', async () => {
  const seen = await eventsOf(3, async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'a' }));
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'c' }));
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key: 'c', UploadId, PartNumber: 1, Body: 'c' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'c', UploadId, MultipartUpload }));
  });
  assert.deepEqual(
    seen.map(({ detail }) => [detail.reason, detail.object.key, detail.object.size]),
    [
      ['PutObject', 'a', 1],
      ['CopyObject', 'b', 1],
      ['CompleteMultipartUpload', 'c', 1],
    ],
  );
  assert.match(seen[2]?.detail.object.etag ?? '', /^[0-9a-f]{32}-1$/);
});

test('deletions, of one and of many', async () => {
  await eventsOf(2, async () => {
    for (const Key of ['x', 'y']) await s3.send(new PutObjectCommand({ Bucket, Key, Body: '' }));
  });
  const seen = await eventsOf(2, async () => {
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'absent' })); // changes nothing
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'x' }));
    await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'absent' }, { Key: 'y' }] } }));
  });
  assert.deepEqual(
    seen.map((event) => [
      event['detail-type'],
      event.detail.object.key,
      event.detail.reason,
      event.detail['deletion-type'],
    ]),
    [
      ['Object Deleted', 'x', 'DeleteObject', 'Permanently Deleted'],
      ['Object Deleted', 'y', 'DeleteObject', 'Permanently Deleted'],
    ],
  );
  assert.equal(seen[0]?.detail.object.size, undefined);
});

test('versions and delete markers, with a sequencer that only grows', async () => {
  const key = { Bucket: Versioned, Key: 'k' };
  const ids: (string | undefined)[] = [];
  const seen = await eventsOf(5, async () => {
    for (const Body of ['1', '2']) ids.push((await s3.send(new PutObjectCommand({ ...key, Body }))).VersionId);
    ids.push((await s3.send(new DeleteObjectCommand(key))).VersionId);
    for (const VersionId of [ids[2], ids[0]]) await s3.send(new DeleteObjectCommand({ ...key, VersionId }));
  });
  assert.deepEqual(
    seen.map((event) => [event['detail-type'], event.detail.object['version-id'], event.detail['deletion-type']]),
    [
      ['Object Created', ids[0], undefined],
      ['Object Created', ids[1], undefined],
      ['Object Deleted', ids[2], 'Delete Marker Created'],
      ['Object Deleted', ids[2], 'Permanently Deleted'],
      ['Object Deleted', ids[0], 'Permanently Deleted'],
    ],
  );
  const sequencers = seen.map(({ detail }) => detail.object.sequencer);
  assert.deepEqual(sequencers, [...new Set(sequencers)].sort());
});

test('a bucket is silent until it is configured, and when it no longer is', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: 'silent' }));
  const seen = await eventsOf(1, async () => {
    await s3.send(new PutObjectCommand({ Bucket: 'silent', Key: 'k', Body: '' }));
    const NotificationConfiguration = { EventBridgeConfiguration: {} };
    await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket: 'silent', NotificationConfiguration }));
    await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket: 'silent', NotificationConfiguration: {} }));
    await s3.send(new PutObjectCommand({ Bucket: 'silent', Key: 'k', Body: '' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'last', Body: '' }));
  });
  assert.deepEqual(
    seen.map(({ detail }) => detail.object.key),
    ['last'],
  );
});

test('a refused write makes no event', async () => {
  const seen = await eventsOf(2, async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'once', Body: '1', IfNoneMatch: '*' }));
    await refused(
      s3.send(new PutObjectCommand({ Bucket, Key: 'once', Body: '2', IfNoneMatch: '*' })),
      'PreconditionFailed',
    );
    await refused(
      s3.send(new PutObjectCommand({ Bucket, Key: 'bad', Body: '2', ChecksumCRC32: 'AAAAAA==' })),
      'BadDigest',
    );
    await s3.send(new PutObjectCommand({ Bucket, Key: 'last', Body: '' }));
  });
  assert.deepEqual(
    seen.map(({ detail }) => detail.object.key),
    ['once', 'last'],
  );
});

test('an event that is not taken comes again, and stays across a restart', async (t) => {
  t.mock.method(console, 'error', () => {});
  const dir = await temporaryFolder();
  let attempts = 0;
  const first = await startEndpoint({
    dir,
    onEvent: () => {
      attempts++;
      throw new Error('not now');
    },
  });
  await announcingBucket(first.s3, Bucket);
  for (const Key of ['1', '2']) await first.s3.send(new PutObjectCommand({ Bucket, Key, Body: '' }));
  await until(() => attempts >= 2, 'a second attempt');
  await first.close();

  const second = await startEndpoint({ dir });
  await until(() => second.events.length === 2, 'the events');
  assert.deepEqual(
    second.events.map(({ detail }) => detail.object.key),
    ['1', '2'],
  );
  await second.close();

  const third = await startEndpoint({ dir });
  await third.s3.send(new PutObjectCommand({ Bucket, Key: '3', Body: '' }));
  await until(() => third.events.length > 0, 'a new event');
  assert.deepEqual(
    third.events.map(({ detail }) => detail.object.key),
    ['3'],
    'events that were taken do not come again',
  );
  const sequencers = [...second.events, ...third.events].map(({ detail }) => detail.object.sequencer);
  assert.deepEqual(sequencers, [...new Set(sequencers)].sort(), 'sequencers grow across restarts');
});
