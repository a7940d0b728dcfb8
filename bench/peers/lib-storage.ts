/** `lib-storage.ts FILE BUCKET KEY`: what the SDK for JavaScript offers for uploads, four parts of 8 MiB at once. */
import { createReadStream } from 'node:fs';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

const [, , file = '', Bucket = '', Key = ''] = process.argv;
const client = new S3Client({ forcePathStyle: true });
const params = { Bucket, Key, Body: createReadStream(file) };
await new Upload({ client, params, partSize: 8 * 1024 * 1024, queueSize: 4 }).done();
