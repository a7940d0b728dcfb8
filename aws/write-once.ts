import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { PodfreightError } from '../core/errors.ts';
import type { ObjectLocation, StoredObject } from '../core/ports.ts';
import { httpStatus, isNamed, isUncertain, s3Error, s3Name, sendAttempts } from './errors.ts';
import { backOff } from './retry.ts';

const ROUNDS = 3;

/** The object about to be: what tells it from any other. */
export interface WantedObject {
  readonly location: ObjectLocation;
  readonly sizeBytes: number;
  /** Of the whole object. */
  readonly crc32: number;
}

/** S3's form of a CRC-32: four bytes, highest first, in Base64. */
export function crc32Base64(crc32: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32);
  return bytes.toString('base64');
}

/**
 * Sends the request that makes an object appear under a key that must be free (`If-None-Match: *`). Where the answer was
 * lost, or blames an object that may be our own, the key is looked at: with our size and CRC-32 it is ours.
 * @throws PodfreightError `conflict` when the key holds something else, and as {@link s3Error}
 */
export async function writeOnce(
  client: S3Client,
  wanted: WantedObject,
  send: () => Promise<{ ETag?: string | undefined; VersionId?: string | undefined }>,
): Promise<StoredObject> {
  for (let round = 1; ; round++) {
    try {
      const { ETag, VersionId } = await send();
      return storedObject(wanted, ETag!, VersionId);
    } catch (error) {
      const refused = httpStatus(error) === 412;
      if (refused && round === 1 && sendAttempts(error) === 1) throw conflict(wanted.location, error);
      const unclear = refused || httpStatus(error) === 409 || isNamed(error, 'NoSuchUpload') || isUncertain(error);
      if (!unclear) throw s3Error(error, wanted.location);

      const there = await lookAt(client, wanted);
      if (there === 'other') throw conflict(wanted.location, error);
      if (there !== 'none') return there;
      if (round === ROUNDS || isNamed(error, 'NoSuchUpload')) throw s3Error(error, wanted.location);
      await backOff(round);
    }
  }
}

async function lookAt(client: S3Client, wanted: WantedObject): Promise<StoredObject | 'other' | 'none'> {
  const { bucket, key } = wanted.location;
  try {
    const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }));
    const isOurs = head.ContentLength === wanted.sizeBytes && head.ChecksumCRC32 === crc32Base64(wanted.crc32);
    return isOurs ? storedObject(wanted, head.ETag!, head.VersionId) : 'other';
  } catch (error) {
    if (httpStatus(error) === 404) return 'none';
    throw s3Error(error, wanted.location);
  }
}

function storedObject(
  { location, sizeBytes }: WantedObject,
  etag: string,
  versionId: string | undefined,
): StoredObject {
  const { bucket, key } = location;
  return { location: { bucket, key, ...(versionId === undefined ? {} : { versionId }) }, etag, sizeBytes };
}

/** The key holds something else. */
export function conflict(location: ObjectLocation, cause: unknown): PodfreightError {
  const { bucket, key } = location;
  return new PodfreightError('conflict', `${s3Name(location)} exists already; nothing was written.`, {
    cause,
    subject: { bucket, key },
  });
}
