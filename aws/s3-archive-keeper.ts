import { DeleteObjectCommand, PutObjectLegalHoldCommand, type S3Client } from '@aws-sdk/client-s3';
import { PodfreightError } from '../core/errors.ts';
import type { ArchiveKeeper, ObjectLocation } from '../core/ports.ts';
import { httpStatus, isNamed, isThrottled, s3Error, s3Name } from './errors.ts';
import { retrying } from './retry.ts';
import { choiceOf, S3Clients } from './s3-clients.ts';

/** Deletes archives of S3, and locks them against that by legal holds. */
export class S3ArchiveKeeper implements ArchiveKeeper {
  readonly #clients: Pick<S3Clients, 'of'>;

  /** @param clients one for everything, or a choice of them */
  constructor(clients: S3Client | S3Clients = new S3Clients()) {
    this.#clients = choiceOf(clients);
  }

  async remove(location: ObjectLocation, etag: string): Promise<boolean> {
    const { bucket, key } = location;
    const command = new DeleteObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag });
    try {
      await retrying(() => this.#clients.of(location).send(command), isThrottled);
      return true;
    } catch (error) {
      if (httpStatus(error) === 412) {
        const name = s3Name(location);
        throw new PodfreightError(
          'source-changed',
          `${name} is not what the catalogue says any more; nothing of it was deleted.`,
          {
            cause: error,
            subject: { bucket, key },
          },
        );
      }
      if (httpStatus(error) === 404 && !isNamed(error, 'NoSuchBucket')) return false;
      throw s3Error(error, location);
    }
  }

  async lock(location: ObjectLocation, on: boolean): Promise<boolean> {
    const { bucket, key, versionId } = location;
    const command = new PutObjectLegalHoldCommand({
      ...{ Bucket: bucket, Key: key, VersionId: versionId },
      LegalHold: { Status: on ? 'ON' : 'OFF' },
      ChecksumAlgorithm: 'CRC32',
    });
    try {
      await retrying(() => this.#clients.of(location).send(command), isThrottled);
      return true;
    } catch (error) {
      // "Bucket is missing Object Lock Configuration".
      if (isNamed(error, 'InvalidRequest')) return false;
      throw s3Error(error, location);
    }
  }
}
