import { crc32 as crc32Of } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { crc32Combine } from '../core/archive/crc32.ts';
import { PodfreightError } from '../core/errors.ts';
import type { ObjectLocation, ObjectSource, StoredObject } from '../core/ports.ts';
import { type ByteRange, httpRange, rangeLength } from '../core/range.ts';
import { isThrottled, s3Error, s3Name } from './errors.ts';
import { retrying } from './retry.ts';
import { isGone } from './s3-source.ts';
import { crc32Base64, writeOnce } from './write-once.ts';

/** Until S3 answers to a body of one part, over a slow line. */
const UPLOAD_TIMEOUT_MS = 300_000;
/** S3 may put thousands of parts together, or copy 5 GiB, before it answers. */
const COPY_TIMEOUT_MS = 300_000;

export interface WriteOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A part that S3 has. */
interface SentPart {
  readonly sizeBytes: number;
  readonly etag: string;
  /** S3's own, of what it holds; absent where an endpoint does not tell for copies. */
  readonly crc32?: number;
}

/** Stores a body that fits one request. @throws PodfreightError as {@link writeOnce} */
export async function putWhole(
  client: S3Client,
  location: ObjectLocation,
  body: Buffer,
  { metadata, signal }: WriteOptions,
): Promise<StoredObject> {
  const crc32 = crc32Of(body);
  const command = new PutObjectCommand({
    Bucket: location.bucket,
    Key: location.key,
    Body: body,
    Metadata: metadata,
    ChecksumCRC32: crc32Base64(crc32),
    IfNoneMatch: '*',
  });
  const options = { abortSignal: signal, requestTimeout: UPLOAD_TIMEOUT_MS };
  const send = () => retrying(() => client.send(command, options), isThrottled, signal);
  return await writeOnce(client, { location, sizeBytes: body.length, crc32 }, send);
}

/**
 * One multipart upload: parts by number, in any order and at once, then `complete`. Whatever fails, `abandon` leaves
 * nothing behind, provided that no part is still on its way.
 */
export class MultipartUpload {
  readonly #client: S3Client;
  readonly #location: ObjectLocation;
  readonly #uploadId: string;
  readonly #signal: AbortSignal;
  readonly #parts = new Map<number, SentPart>();

  private constructor(client: S3Client, location: ObjectLocation, uploadId: string, signal: AbortSignal) {
    this.#client = client;
    this.#location = location;
    this.#uploadId = uploadId;
    this.#signal = signal;
  }

  static async create(client: S3Client, location: ObjectLocation, { metadata, signal }: WriteOptions) {
    const command = new CreateMultipartUploadCommand({
      Bucket: location.bucket,
      Key: location.key,
      Metadata: metadata,
      ChecksumAlgorithm: 'CRC32',
      ChecksumType: 'FULL_OBJECT',
    });
    try {
      // Never cut off: an upload whose id is not known cannot be abandoned.
      const { UploadId } = await retrying(() => client.send(command), isThrottled, signal);
      return new MultipartUpload(client, location, UploadId!, signal);
    } catch (error) {
      throw s3Error(error, location);
    }
  }

  async upload(partNumber: number, body: Buffer): Promise<void> {
    const crc32 = crc32Of(body);
    const command = new UploadPartCommand({
      ...this.#target,
      PartNumber: partNumber,
      Body: body,
      ChecksumCRC32: crc32Base64(crc32),
    });
    const options = { abortSignal: this.#signal, requestTimeout: UPLOAD_TIMEOUT_MS };
    try {
      const { ETag } = await retrying(() => this.#client.send(command, options), isThrottled, this.#signal);
      this.#parts.set(partNumber, { sizeBytes: body.length, etag: ETag!, crc32 });
    } catch (error) {
      throw s3Error(error, this.#location);
    }
  }

  /** @throws PodfreightError `source-changed` when the source is not the version that was opened */
  async copy(partNumber: number, source: ObjectSource, range: ByteRange): Promise<void> {
    const command = new UploadPartCopyCommand({
      ...this.#target,
      PartNumber: partNumber,
      CopySource: copySource(source.location),
      CopySourceRange: httpRange(range),
      CopySourceIfMatch: source.etag,
    });
    const options = { abortSignal: this.#signal, requestTimeout: COPY_TIMEOUT_MS };
    try {
      const answer = await retrying(() => this.#client.send(command, options), isThrottled, this.#signal);
      const { ETag, ChecksumCRC32 } = answer.CopyPartResult!;
      this.#parts.set(partNumber, {
        sizeBytes: rangeLength(range),
        etag: ETag!,
        ...(ChecksumCRC32 === undefined ? {} : { crc32: Buffer.from(ChecksumCRC32, 'base64').readUInt32BE() }),
      });
    } catch (error) {
      if (!isGone(error)) throw s3Error(error, this.#location);
      throw new PodfreightError(
        'source-changed',
        `${source.name} was replaced or deleted while it was copied; try again.`,
        {
          cause: error,
          subject: { ...source.location },
        },
      );
    }
  }

  /**
   * @param expectedCrc32 of the whole object; without it, what the parts' add up to
   * @throws PodfreightError `conflict`, and `corrupt-archive` when S3 holds other bytes than expected
   */
  async complete(expectedCrc32?: number): Promise<StoredObject> {
    const parts = [...this.#parts].sort(([a], [b]) => a - b);
    const sizeBytes = parts.reduce((sum, [, part]) => sum + part.sizeBytes, 0);
    const actualCrc32 = combined(parts.map(([, part]) => part));
    const crc32 = expectedCrc32 ?? actualCrc32;
    if (crc32 === undefined || (actualCrc32 !== undefined && actualCrc32 !== crc32)) throw this.#corrupt();
    const command = new CompleteMultipartUploadCommand({
      ...this.#target,
      MultipartUpload: {
        Parts: parts.map(([PartNumber, part]) => ({
          PartNumber,
          ETag: part.etag,
          ChecksumCRC32: part.crc32 === undefined ? undefined : crc32Base64(part.crc32),
        })),
      },
      ChecksumType: 'FULL_OBJECT',
      ChecksumCRC32: crc32Base64(crc32),
      MpuObjectSize: sizeBytes,
      IfNoneMatch: '*',
    });
    this.#signal.throwIfAborted();
    // From here on never cut off: the object appears or it does not, and we want to know.
    const send = () => retrying(() => this.#client.send(command, { requestTimeout: COPY_TIMEOUT_MS }), isThrottled);
    return await writeOnce(this.#client, { location: this.#location, sizeBytes, crc32 }, send);
  }

  /** Never fails: what cannot be removed now, the bucket's lifecycle rule removes. */
  async abandon(): Promise<void> {
    const abandoned = retrying(() => this.#client.send(new AbortMultipartUploadCommand(this.#target)), isThrottled);
    await abandoned.catch(() => {});
  }

  get #target() {
    return { Bucket: this.#location.bucket, Key: this.#location.key, UploadId: this.#uploadId };
  }

  #corrupt(): PodfreightError {
    const { bucket, key } = this.#location;
    return new PodfreightError(
      'corrupt-archive',
      `The parts of ${s3Name(this.#location)} are not the bytes that were promised, so it was not stored; check the sources' indexes.`,
      { subject: { bucket, key } },
    );
  }
}

function combined(parts: readonly SentPart[]): number | undefined {
  let whole = 0;
  for (const { crc32, sizeBytes } of parts) {
    if (crc32 === undefined) return undefined;
    whole = crc32Combine(whole, crc32, sizeBytes);
  }
  return whole;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html: "the value must be URL-encoded" */
function copySource({ bucket, key, versionId }: ObjectLocation): string {
  const path = `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
  return versionId === undefined ? path : `${path}?versionId=${encodeURIComponent(versionId)}`;
}
