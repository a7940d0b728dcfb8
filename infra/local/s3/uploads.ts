import { createHash, randomBytes } from 'node:crypto';
import {
  type Checksum,
  type ChecksumAlgorithm,
  type ChecksumType,
  combineChecksums,
  DEFAULT_ALGORITHM,
} from './checksum.ts';
import type { Content, Segment } from './content.ts';
import type { Database } from './database.ts';
import { S3Error } from './errors.ts';
import type { Attributes, NewObject } from './objects.ts';

export interface Upload {
  readonly id: string;
  readonly sequence: number;
  readonly bucket: string;
  readonly key: string;
  readonly createdAt: Date;
  readonly attributes: Attributes;
  /** Absent: the client chose none, and the object gets no checksum. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | undefined;
}

export interface Part {
  readonly number: number;
  readonly sizeBytes: number;
  /** MD5 of the part in hexadecimal, without quotes. */
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly checksum: Checksum;
  readonly content: number;
}

/** A part as the client names it at completion. */
export interface WantedPart {
  readonly number: number;
  readonly etag: string;
  /** Of the upload's algorithm. */
  readonly checksum: string | undefined;
}

export interface UploadRow {
  id: string;
  sequence: number;
  bucket: string;
  key: string;
  created_ms: number;
  attributes: string;
  algorithm: ChecksumAlgorithm | null;
  type: ChecksumType | null;
}

interface PartRow {
  number: number;
  size_bytes: number;
  etag: string;
  modified_ms: number;
  algorithm: ChecksumAlgorithm;
  checksum: string;
  content: number;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const MAX_PARTS = 10_000;
export const MIN_PART_BYTES = 5 * 1024 * 1024;
export const MAX_PART_BYTES = 5 * 1024 ** 3;

/** Multipart uploads that are neither completed nor aborted. */
export class Uploads {
  readonly #database: Database;
  readonly #content: Content;

  constructor(database: Database, content: Content) {
    this.#database = database;
    this.#content = content;
  }

  create(upload: Pick<Upload, 'bucket' | 'key' | 'attributes' | 'checksum'>): Upload {
    const row = this.#database.get<UploadRow>(
      'INSERT INTO upload VALUES(?, ?, ?, ?, ?, ?, ?, ?) RETURNING *',
      randomBytes(32).toString('base64url'),
      this.#database.nextSequence(),
      upload.bucket,
      upload.key,
      Date.now(),
      JSON.stringify(upload.attributes),
      upload.checksum?.algorithm ?? null,
      upload.checksum?.type ?? null,
    );
    return uploadOf(row!);
  }

  /** @throws S3Error `NoSuchUpload` */
  get(bucket: string, key: string, id: string): Upload {
    const row = this.#database.get<UploadRow>(
      'SELECT * FROM upload WHERE id = ? AND bucket = ? AND key = ?',
      id,
      bucket,
      key,
    );
    if (row === undefined) {
      throw new S3Error(
        'NoSuchUpload',
        'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
        { details: { UploadId: id } },
      );
    }
    return uploadOf(row);
  }

  /**
   * Stores a part in place of one with its number.
   * @param segments must be held
   * @throws S3Error `NoSuchUpload` when the upload ended meanwhile
   */
  putPart(
    upload: Upload,
    part: Pick<Part, 'number' | 'sizeBytes' | 'etag' | 'checksum'>,
    segments: readonly Segment[],
  ): Part {
    return this.#database.transaction(() => {
      this.get(upload.bucket, upload.key, upload.id);
      const old = this.#database.get<PartRow>(
        'SELECT * FROM part WHERE upload = ? AND number = ?',
        upload.id,
        part.number,
      );
      if (old !== undefined) this.#content.remove(old.content);
      const row = this.#database.get<PartRow>(
        'INSERT OR REPLACE INTO part VALUES(?, ?, ?, ?, ?, ?, ?, ?) RETURNING *',
        upload.id,
        part.number,
        part.sizeBytes,
        part.etag,
        Date.now(),
        part.checksum.algorithm,
        part.checksum.value,
        this.#content.add(segments),
      );
      return partOf(row!);
    });
  }

  parts(upload: Upload): Part[] {
    return this.#database.all<PartRow>('SELECT * FROM part WHERE upload = ? ORDER BY number', upload.id).map(partOf);
  }

  /** Forgets the upload and its parts, inside a transaction. */
  remove(upload: Upload): void {
    for (const part of this.parts(upload)) this.#content.remove(part.content);
    this.#database.run('DELETE FROM part WHERE upload = ?', upload.id);
    this.#database.run('DELETE FROM upload WHERE id = ?', upload.id);
  }

  /** Forgets all uploads to a bucket, inside a transaction. */
  removeAll(bucket: string): void {
    const rows = this.#database.all<UploadRow>('SELECT * FROM upload WHERE bucket = ?', bucket);
    for (const row of rows) this.remove(uploadOf(row));
  }

  /**
   * The object that `wanted` parts make: no byte is touched, its content is theirs in a row.
   * @throws S3Error `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `InvalidRequest`
   */
  assemble(upload: Upload, wanted: readonly WantedPart[]): NewObject {
    const stored = new Map(this.parts(upload).map((part) => [part.number, part]));
    const parts = wanted.map((want) => wantedPart(upload, want, stored.get(want.number)));
    for (const [i, { number }] of parts.entries()) {
      if (i > 0 && number <= parts[i - 1]!.number) {
        throw new S3Error(
          'InvalidPartOrder',
          'The list of parts was not in ascending order. Parts must be ordered by part number.',
        );
      }
    }
    for (const part of parts.slice(0, -1)) {
      if (part.sizeBytes < MIN_PART_BYTES) {
        const details = {
          ProposedSize: part.sizeBytes,
          MinSizeAllowed: MIN_PART_BYTES,
          PartNumber: part.number,
          ETag: part.etag,
        };
        throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
          details,
        });
      }
    }
    const md5 = createHash('md5');
    for (const part of parts) md5.update(part.etag, 'hex');
    const { algorithm, type } = upload.checksum ?? {};
    const checksum =
      algorithm && type
        ? combineChecksums(
            algorithm,
            type,
            parts.map(({ sizeBytes, checksum: { value } }) => ({ sizeBytes, checksum: value })),
          )
        : undefined;
    return {
      sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      etag: `${md5.digest('hex')}-${parts.length}`,
      attributes: { ...upload.attributes, ...(checksum ? { checksum } : {}) },
      segments: parts.flatMap((part) => this.#content.segments(part.content)),
      parts: parts.map(({ number, sizeBytes, checksum: { value } }) => ({
        number,
        sizeBytes,
        ...(checksum ? { checksum: value } : {}),
      })),
    };
  }
}

function wantedPart(upload: Upload, want: WantedPart, part: Part | undefined): Part {
  const algorithm = upload.checksum?.algorithm;
  if (upload.checksum?.type === 'COMPOSITE' && want.checksum === undefined) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created using a ${algorithm?.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${want.number} in the request.`,
    );
  }
  const sameSum = algorithm === undefined || want.checksum === undefined || want.checksum === part?.checksum.value;
  if (part?.etag !== want.etag || !sameSum) {
    throw new S3Error(
      'InvalidPart',
      "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
      { details: { UploadId: upload.id, PartNumber: want.number, ETag: want.etag } },
    );
  }
  return part;
}

/**
 * How the checksums of a new upload work, from what the client asked for.
 * @throws S3Error `InvalidRequest` for a combination that S3 does not have
 */
export function uploadChecksum(algorithm: ChecksumAlgorithm | undefined, type: string | undefined): Upload['checksum'] {
  if (algorithm === undefined && type === undefined) return undefined;
  const chosen = algorithm ?? DEFAULT_ALGORITHM;
  const effective = type ?? (chosen === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE');
  const possible =
    effective === 'COMPOSITE' ? chosen !== 'CRC64NVME' : effective === 'FULL_OBJECT' && chosen.startsWith('CRC');
  if (!possible) {
    throw new S3Error(
      'InvalidRequest',
      `The ${effective} checksum type cannot be used with the ${chosen} checksum algorithm.`,
    );
  }
  return { algorithm: chosen, type: effective as ChecksumType };
}

export function uploadOf(row: UploadRow): Upload {
  return {
    id: row.id,
    sequence: row.sequence,
    bucket: row.bucket,
    key: row.key,
    createdAt: new Date(row.created_ms),
    attributes: JSON.parse(row.attributes) as Attributes,
    checksum: row.algorithm && row.type ? { algorithm: row.algorithm, type: row.type } : undefined,
  };
}

function partOf(row: PartRow): Part {
  return {
    number: row.number,
    sizeBytes: row.size_bytes,
    etag: row.etag,
    modifiedAt: new Date(row.modified_ms),
    checksum: { algorithm: row.algorithm, type: 'FULL_OBJECT', value: row.checksum },
    content: row.content,
  };
}
