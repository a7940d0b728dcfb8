import {
  AbortMultipartUploadCommand,
  type MultipartUpload as ListedUpload,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectLocation } from '../core/ports.ts';
import { isThrottled, s3Error } from './errors.ts';
import { MultipartUpload, type WriteOptions } from './multipart.ts';
import { retrying } from './retry.ts';

/**
 * An upload to a key that stands for one content: the oldest unfinished one with the parts it has, else a new one. All
 * others to that key end, whoever began them: there is one object to make. Whoever works on one of those meets
 * `NoSuchUpload`, and begins again here. The new one is begun before anything is looked for, so that one whose answer was
 * lost is found as well.
 * @throws PodfreightError as {@link s3Error}; then nothing is left of what was begun here
 */
export async function beginOrResume(
  client: S3Client,
  location: ObjectLocation,
  write: WriteOptions,
): Promise<MultipartUpload> {
  let begun: MultipartUpload | undefined;
  try {
    begun = await MultipartUpload.create(client, location, write);
    const uploadIds = await unfinishedUploads(client, location, write.signal);
    const used = (await resumeFirst(client, location, uploadIds, begun, write)) ?? begun;
    await abortUploads(
      client,
      location,
      [begun.uploadId, ...uploadIds].filter((id) => id !== used.uploadId),
    );
    return used;
  } catch (error) {
    if (begun === undefined) await abortEmptyUploads(client, location);
    else await begun.abandon();
    throw s3Error(error, location);
  }
}

/** The first that goes on; those before the new one are older. */
async function resumeFirst(
  client: S3Client,
  location: ObjectLocation,
  uploadIds: readonly string[],
  begun: MultipartUpload,
  write: WriteOptions,
): Promise<MultipartUpload | undefined> {
  for (const uploadId of uploadIds) {
    if (uploadId === begun.uploadId) return begun;
    const resumed = await MultipartUpload.resume(client, location, uploadId, write);
    if (resumed !== undefined) return resumed;
  }
  return undefined;
}

/** Of uploads to exactly this key, oldest first; of a thousand, which nobody begins for one key. */
export async function unfinishedUploads(
  client: S3Client,
  location: ObjectLocation,
  signal?: AbortSignal,
): Promise<string[]> {
  const { bucket, key } = location;
  const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key });
  const { Uploads = [] } = await retrying(() => client.send(command), isThrottled, signal);
  const age = ({ Initiated }: ListedUpload) => Initiated?.getTime() ?? 0;
  return Uploads.filter((upload) => upload.Key === key)
    .sort((a, b) => age(a) - age(b) || (a.UploadId! < b.UploadId! ? -1 : 1))
    .map(({ UploadId }) => UploadId!);
}

/** Never fails: what cannot be ended now is met by whoever asks for the same again, or by the bucket's lifecycle rule. */
async function abortUploads(client: S3Client, { bucket, key }: ObjectLocation, uploadIds: readonly string[]) {
  const abort = (UploadId: string) =>
    retrying(() => client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId })), isThrottled);
  await Promise.allSettled([...new Set(uploadIds)].map(abort));
}

/** One that was begun although no answer came has no parts; those that have are worth going on with. Never fails. */
async function abortEmptyUploads(client: S3Client, location: ObjectLocation): Promise<void> {
  const { bucket, key } = location;
  const isEmpty = async (UploadId: string) => {
    const { Parts = [] } = await client.send(new ListPartsCommand({ Bucket: bucket, Key: key, UploadId, MaxParts: 1 }));
    return Parts.length === 0;
  };
  try {
    const uploadIds = await unfinishedUploads(client, location);
    const empty = await Promise.all(uploadIds.map(isEmpty));
    await abortUploads(
      client,
      location,
      uploadIds.filter((_, i) => empty[i]),
    );
  } catch {
    // The failure that led here is the one to tell of.
  }
}
