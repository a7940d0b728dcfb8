import { ListObjectsV2Command, type ListObjectsV2CommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { awsError, isNamed, isThrottled } from './errors.ts';
import { retrying } from './retry.ts';

/** @see ArchiveKeys.keysBelow */
export async function* listKeys(
  client: S3Client,
  bucket: string,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  let token: string | undefined;
  do {
    const page = await listPage(client, bucket, prefix, token, signal);
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
    token = page.NextContinuationToken;
  } while (token !== undefined);
}

async function listPage(
  client: S3Client,
  bucket: string,
  prefix: string,
  token: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ListObjectsV2CommandOutput> {
  const command = new ListObjectsV2Command({
    Bucket: bucket,
    Prefix: prefix,
    ...(token !== undefined && { ContinuationToken: token }),
  });
  const options = signal === undefined ? {} : { abortSignal: signal };
  try {
    return await retrying(() => client.send(command, options), isThrottled, signal);
  } catch (error) {
    throw awsError(
      error,
      `the list of s3://${bucket}/${prefix}`,
      isNamed(error, 'NoSuchBucket') ? { bucket } : { bucket, prefix },
    );
  }
}
