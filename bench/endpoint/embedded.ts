/** `embedded.ts FOLDER FILE`: the embedded stack's S3 with FILE in it, for raw sockets, which cannot sign. */
import { createReadStream, statSync } from 'node:fs';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { startS3 } from '../../infra/local/s3/server.ts';

export interface EmbeddedUrls {
  readonly get: string;
  /** Of one part, to be sent as often as wanted. */
  readonly put: string;
}

const [, , dir = '', file = ''] = process.argv;
const credentials = { accessKeyId: 'BENCH', secretAccessKey: 'bench' };
const region = 'eu-central-1';
const s3 = await startS3({ dir, region, credentials: { [credentials.accessKeyId]: credentials.secretAccessKey } });
process.on('disconnect', () => void s3.close());

const client = new S3Client({
  endpoint: s3.url,
  region,
  credentials,
  forcePathStyle: true,
  requestChecksumCalculation: 'WHEN_REQUIRED',
});
const object = { Bucket: 'bench', Key: 'one.tar' };
await client.send(new CreateBucketCommand({ Bucket: object.Bucket }));
await client.send(
  new PutObjectCommand({ ...object, Body: createReadStream(file), ContentLength: statSync(file).size }),
);
const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
const urls: EmbeddedUrls = {
  get: await getSignedUrl(client, new GetObjectCommand(object)),
  put: await getSignedUrl(client, new UploadPartCommand({ ...object, UploadId, PartNumber: 1 })),
};
client.destroy();
process.send?.(urls);
