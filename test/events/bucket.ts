import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { s3Client } from '../../aws/s3-client.ts';
import { type S3Event, startS3 } from '../../infra/local/s3/server.ts';

const CREDENTIALS = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' };
const REGION = 'eu-central-1';

/** The embedded S3 with two versioned buckets, whose events wait in a list until somebody delivers them. */
export async function startBuckets() {
  const dir = await mkdtemp(join(tmpdir(), 'podfreight-events-'));
  const events: S3Event[] = [];
  const endpoint = await startS3({
    dir,
    credentials: { [CREDENTIALS.accessKeyId]: CREDENTIALS.secretAccessKey },
    region: REGION,
    onEvent: (event) => void events.push(event),
  });
  const client = s3Client({ endpoint: endpoint.url, region: REGION, credentials: CREDENTIALS });
  for (const Bucket of ['archives', 'bundles']) {
    await client.send(new CreateBucketCommand({ Bucket }));
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  }
  const NotificationConfiguration = { EventBridgeConfiguration: {} };
  await client.send(new PutBucketNotificationConfigurationCommand({ Bucket: 'archives', NotificationConfiguration }));
  return {
    client,
    /** Taken out as they are delivered, or lost. */
    events,
    async put(Key: string, Body: Buffer): Promise<string> {
      const { VersionId } = await client.send(new PutObjectCommand({ Bucket: 'archives', Key, Body }));
      return VersionId!;
    },
    /** Without a version by a marker. @returns the marker's version, or the one that went */
    async remove(Key: string, VersionId?: string): Promise<string> {
      const answer = await client.send(new DeleteObjectCommand({ Bucket: 'archives', Key, VersionId }));
      return answer.VersionId!;
    },
    async close() {
      client.destroy();
      await endpoint.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export type Buckets = Awaited<ReturnType<typeof startBuckets>>;
