/** `ranged-gets.ts BUCKET KEY FILE`: the SDK for JavaScript with eight GETs of 8 MiB at once. */
import { open } from 'node:fs/promises';
import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';

const RANGE_BYTES = 8 * 1024 * 1024;
const UNDER_WAY = 8;

const [, , Bucket = '', Key = '', path = ''] = process.argv;
const client = new S3Client({ forcePathStyle: true });
const { ContentLength: sizeBytes = 0 } = await client.send(new HeadObjectCommand({ Bucket, Key }));
await using file = await open(path, 'w');
let next = 0;
await Promise.all(Array.from({ length: UNDER_WAY }, fetchRanges));

async function fetchRanges(): Promise<void> {
  while (next < sizeBytes) {
    const start = next;
    const end = Math.min(sizeBytes, start + RANGE_BYTES);
    next = end;
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, Range: `bytes=${start}-${end - 1}` }));
    const bytes = await Body!.transformToByteArray();
    await file.write(bytes, 0, bytes.length, start);
  }
}
