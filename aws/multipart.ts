import { crc32 as crc32Of } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type Part,
  PutObjectCommand,
  paginateListParts,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { crc32Combine } from '../core/archive/crc32.ts';
import { PodfreightError } from '../core/errors.ts';
import type { ObjectLocation, ObjectSource, StoredObject } from '../core/ports.ts';
import { type ByteRange, httpRange, rangeLength } from '../core/range.ts';
import { isCutOff, isNamed, isThrottled, s3Error, s3Name } from './errors.ts';
import { RequestTemplate } from './request-template.ts';
import { retrying } from './retry.ts';
import { isGone } from './s3-source.ts';
import type { WireOptions } from './transfer/wire-handler.ts';
import { crc32Base64, writeOnce } from './write-once.ts';

/** Without a byte taken, and then until S3 has made a part of them. */
const UPLOAD_TIMEOUT_MS = 60_000;
/** S3 may put thousands of parts together, or copy 5 GiB, before it answers. */
const COPY_TIMEOUT_MS = 300_000;

export interface WriteOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Told when the service asks for fewer requests, or does not keep up. */
  readonly onPressure?: () => void;
}

/** A part that S3 has. */
export interface SentPart {
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
  write: WriteOptions,
  crc32: number = crc32Of(body),
): Promise<StoredObject> {
  const { metadata, signal } = write;
  const command = new PutObjectCommand({
    Bucket: location.bucket,
    Key: location.key,
    Body: body,
    Metadata: metadata,
    ChecksumCRC32: crc32Base64(crc32),
    IfNoneMatch: '*',
  });
  const send = () => retrying(() => client.send(command, sending(write)), isThrottled, signal);
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
  readonly #write: WriteOptions;
  readonly #parts = new Map<number, SentPart>();
  /** For its parts. */
  readonly #template: RequestTemplate;

  private constructor(client: S3Client, location: ObjectLocation, uploadId: string, write: WriteOptions) {
    this.#client = client;
    this.#location = location;
    this.#uploadId = uploadId;
    this.#write = write;
    this.#template = new RequestTemplate(client);
  }

  static async create(client: S3Client, location: ObjectLocation, write: WriteOptions) {
    const { metadata, signal } = write;
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
      return new MultipartUpload(client, location, UploadId!, write);
    } catch (error) {
      throw s3Error(error, location);
    }
  }

  /**
   * An upload that was begun earlier, with the parts it has; undefined when it has ended, or was not begun by `create`.
   * @throws PodfreightError as {@link s3Error}
   */
  static async resume(client: S3Client, location: ObjectLocation, uploadId: string, write: WriteOptions) {
    const { signal } = write;
    const upload = new MultipartUpload(client, location, uploadId, write);
    try {
      return await retrying(async () => ((await upload.#listParts()) ? upload : undefined), isThrottled, signal);
    } catch (error) {
      if (isNamed(error, 'NoSuchUpload')) return undefined;
      throw s3Error(error, location);
    }
  }

  get uploadId(): string {
    return this.#uploadId;
  }

  /** What S3 has under that number, sent by us or found by `resume`. */
  part(partNumber: number): SentPart | undefined {
    return this.#parts.get(partNumber);
  }

  async upload(partNumber: number, body: Buffer, crc32: number = crc32Of(body)): Promise<void> {
    try {
      const etag = await retrying(() => this.#sendPart(partNumber, body, crc32), isPassing, this.#write.signal);
      this.#parts.set(partNumber, { sizeBytes: body.length, etag, crc32 });
    } catch (error) {
      throw s3Error(error, this.#location);
    }
  }

  async #sendPart(partNumber: number, body: Buffer, crc32: number): Promise<string> {
    const checksum = crc32Base64(crc32);
    const changes = { headers: { 'x-amz-checksum-crc32': checksum }, query: { partNumber: String(partNumber) }, body };
    const like = await this.#template.send(changes, sending(this.#write));
    if (like?.headers.etag !== undefined) return like.headers.etag;
    const command = new UploadPartCommand({
      ...this.#target,
      PartNumber: partNumber,
      Body: body,
      ChecksumCRC32: checksum,
    });
    this.#template.learnFrom(command);
    const { ETag } = await this.#client.send(command, sending(this.#write));
    return ETag!;
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
    const { signal } = this.#write;
    const options = { abortSignal: signal, requestTimeout: COPY_TIMEOUT_MS };
    try {
      const answer = await retrying(() => this.#client.send(command, options), isThrottled, signal);
      this.#parts.set(partNumber, sentPart({ ...answer.CopyPartResult, Size: rangeLength(range) }));
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
   * @param partCount leaves out what `resume` found behind it
   * @throws PodfreightError `conflict`, and `corrupt-archive` when S3 holds other bytes than expected
   */
  async complete(expectedCrc32?: number, partCount = Number.POSITIVE_INFINITY): Promise<StoredObject> {
    const parts = this.#partsUpTo(partCount);
    const sizeBytes = parts.reduce((sum, [, part]) => sum + part.sizeBytes, 0);
    const actualCrc32 = combined(parts.map(([, part]) => part));
    const crc32 = expectedCrc32 ?? actualCrc32;
    if (crc32 === undefined || (actualCrc32 !== undefined && actualCrc32 !== crc32)) throw this.#corrupt();
    this.#write.signal.throwIfAborted();
    // From here on never cut off: the object appears or it does not, and we want to know.
    const command = () => this.#completion(parts.length, sizeBytes, crc32);
    const once = () => retrying(() => this.#client.send(command(), { requestTimeout: COPY_TIMEOUT_MS }), isThrottled);
    const send = async () => {
      try {
        return await once();
      } catch (error) {
        // Whoever took up the same upload may have sent the same bytes again, under another ETag.
        if (!isNamed(error, 'InvalidPart') || !(await this.#holdsStill(parts))) throw error;
        return await once();
      }
    };
    return await writeOnce(this.#client, { location: this.#location, sizeBytes, crc32 }, send);
  }

  /** Never fails: what cannot be removed now, the bucket's lifecycle rule removes. */
  async abandon(): Promise<void> {
    const abandoned = retrying(() => this.#client.send(new AbortMultipartUploadCommand(this.#target)), isThrottled);
    await abandoned.catch(() => {});
  }

  #partsUpTo(partCount: number): [partNumber: number, part: SentPart][] {
    return [...this.#parts].filter(([number]) => number <= partCount).sort(([a], [b]) => a - b);
  }

  #completion(partCount: number, sizeBytes: number, crc32: number): CompleteMultipartUploadCommand {
    return new CompleteMultipartUploadCommand({
      ...this.#target,
      MultipartUpload: {
        Parts: this.#partsUpTo(partCount).map(([PartNumber, part]) => ({
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
  }

  /** Whether S3 has the same bytes in all these parts; learns their ETags. */
  async #holdsStill(parts: readonly (readonly [partNumber: number, part: SentPart])[]): Promise<boolean> {
    if (!(await this.#listParts())) return false;
    return parts.every(([number, { sizeBytes, crc32 }]) => {
      const there = this.#parts.get(number);
      return crc32 !== undefined && there?.crc32 === crc32 && there.sizeBytes === sizeBytes;
    });
  }

  /** @returns false when its checksums are others than `create` asks for */
  async #listParts(): Promise<boolean> {
    for await (const page of paginateListParts({ client: this.#client }, this.#target)) {
      if (page.ChecksumAlgorithm !== 'CRC32' || page.ChecksumType !== 'FULL_OBJECT') return false;
      for (const part of page.Parts ?? []) this.#parts.set(part.PartNumber!, sentPart(part));
    }
    return true;
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

/** A part may be sent again at any time. */
function isPassing(error: unknown): boolean {
  return isThrottled(error) || isCutOff(error);
}

function sending({ signal, onPressure }: WriteOptions): WireOptions {
  return { abortSignal: signal, requestTimeout: UPLOAD_TIMEOUT_MS, ...(onPressure && { onPressure }) };
}

function sentPart({ Size, ETag, ChecksumCRC32 }: Part): SentPart {
  return {
    sizeBytes: Size!,
    etag: ETag!,
    ...(ChecksumCRC32 === undefined ? {} : { crc32: Buffer.from(ChecksumCRC32, 'base64').readUInt32BE() }),
  };
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
