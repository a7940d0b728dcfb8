import { randomBytes } from 'node:crypto';
import type { Bucket } from './buckets.ts';
import type { Checksum } from './checksum.ts';
import { checkWrite, type WriteConditions } from './conditions.ts';
import type { Content, Segment } from './content.ts';
import type { Database } from './database.ts';
import { S3Error } from './errors.ts';
import type { EventQueue, ObjectChange } from './events.ts';

/** What is kept with an object and given back with it. */
export interface Attributes {
  /** Content-Type and its like, and `x-amz-meta-…`: names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: readonly (readonly [string, string])[];
  readonly checksum?: Checksum;
}

export interface ObjectPart {
  readonly number: number;
  readonly sizeBytes: number;
  /** Base64, of the object's algorithm. */
  readonly checksum?: string;
}

export interface ObjectVersion {
  readonly sequence: number;
  readonly key: string;
  /** `null` (the word) where it was written without versioning. */
  readonly versionId: string;
  readonly latest: boolean;
  readonly marker: boolean;
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly attributes: Attributes;
  readonly content: number | undefined;
}

export interface NewObject {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly attributes: Attributes;
  /** Held until this is stored. */
  readonly segments: readonly Segment[];
  /** Of a multipart upload. */
  readonly parts?: readonly ObjectPart[];
}

export interface VersionRow {
  sequence: number;
  key: string;
  version: string;
  latest: number;
  marker: number;
  size_bytes: number;
  etag: string;
  modified_ms: number;
  attributes: string;
  content: number | null;
}

export const VERSION_COLUMNS =
  'sequence, key, version, latest, marker, size_bytes, etag, modified_ms, attributes, content';

export const NULL_VERSION = 'null';

/** The header in which S3 gives back a legal hold. */
export const LEGAL_HOLD = 'x-amz-object-lock-legal-hold';

export interface Deletion {
  /** The version that went, or the marker that came. */
  readonly versionId?: string;
  /** A delete marker was made, or was what went. */
  readonly marker: boolean;
}

type Reason = Extract<ObjectChange['change'], { kind: 'created' }>['reason'];

/** All versions of all objects. Each change is one transaction with its conditions and its event. */
export class Objects {
  readonly #database: Database;
  readonly #content: Content;
  readonly #events: EventQueue;

  constructor(database: Database, content: Content, events: EventQueue) {
    this.#database = database;
    this.#content = content;
    this.#events = events;
  }

  /** The version asked for, or the latest; either may be a delete marker. */
  find(bucket: string, key: string, versionId?: string): ObjectVersion | undefined {
    const row =
      versionId === undefined
        ? this.#database.get<VersionRow>(
            `SELECT ${VERSION_COLUMNS} FROM version WHERE bucket = ? AND key = ? AND latest = 1`,
            bucket,
            key,
          )
        : this.#database.get<VersionRow>(
            `SELECT ${VERSION_COLUMNS} FROM version WHERE bucket = ? AND key = ? AND version = ?`,
            bucket,
            key,
            versionId,
          );
    return row && versionOf(row);
  }

  isEmpty(bucket: string): boolean {
    return this.#database.get('SELECT 1 FROM version WHERE bucket = ? LIMIT 1', bucket) === undefined;
  }

  segments(version: ObjectVersion): Segment[] {
    return version.content === undefined ? [] : this.#content.segments(version.content);
  }

  /** The parts it was assembled from, or undefined when it was written in one piece. */
  parts(version: ObjectVersion): ObjectPart[] | undefined {
    const row = this.#database.get<{ parts: string | null }>(
      'SELECT parts FROM version WHERE sequence = ?',
      version.sequence,
    );
    return row?.parts ? (JSON.parse(row.parts) as ObjectPart[]) : undefined;
  }

  /**
   * Stores a new version; without versioning it takes the place of the old.
   * @param also runs in the same transaction
   * @throws S3Error as {@link checkWrite}
   */
  put(
    bucket: Bucket,
    key: string,
    object: NewObject,
    how: { conditions: WriteConditions; reason: Reason; requestId: string; also?: () => void },
  ): ObjectVersion {
    return this.#database.transaction(() => {
      checkWrite(how.conditions, this.find(bucket.name, key));
      const version = this.#insert(bucket, key, { ...object, content: this.#content.add(object.segments) });
      how.also?.();
      const { sizeBytes, etag } = object;
      this.#announce(bucket, version, how.requestId, { kind: 'created', reason: how.reason, sizeBytes, etag });
      return version;
    });
  }

  /**
   * Without `versionId` the key is deleted: by a marker in a bucket with versions. With it, that version is gone for good.
   * What is not there is deleted already.
   * @throws S3Error as {@link checkWrite}
   */
  delete(
    bucket: Bucket,
    key: string,
    how: { versionId?: string | undefined; conditions?: WriteConditions; requestId: string },
  ): Deletion {
    return this.#database.transaction(() => {
      if (how.conditions) checkWrite(how.conditions, this.find(bucket.name, key));
      if (how.versionId === undefined && bucket.versioning !== undefined) {
        const marker = this.#insert(bucket, key, undefined);
        this.#announce(bucket, marker, how.requestId, { kind: 'deleted', deletionType: 'Delete Marker Created' });
        return { versionId: marker.versionId, marker: true };
      }
      const version = this.find(bucket.name, key, how.versionId);
      const answer = how.versionId === undefined ? {} : { versionId: how.versionId };
      if (version === undefined) return { ...answer, marker: false };
      if (version.attributes.headers[LEGAL_HOLD] === 'ON') {
        throw new S3Error('AccessDenied', 'Access Denied because object protected by object lock.');
      }
      this.#erase(version);
      this.#database.run(
        `UPDATE version SET latest = 1
         WHERE sequence = (SELECT max(sequence) FROM version WHERE bucket = ? AND key = ?)`,
        bucket.name,
        key,
      );
      const deleted = { ...version, sequence: this.#database.nextSequence() };
      this.#announce(bucket, deleted, how.requestId, { kind: 'deleted', deletionType: 'Permanently Deleted' });
      return { ...answer, marker: version.marker };
    });
  }

  setTags(version: ObjectVersion, tags: Attributes['tags']): void {
    this.#setAttributes(version, { ...version.attributes, tags });
  }

  setLegalHold(version: ObjectVersion, status: 'ON' | 'OFF'): void {
    const headers = { ...version.attributes.headers, [LEGAL_HOLD]: status };
    this.#setAttributes(version, { ...version.attributes, headers });
  }

  #setAttributes(version: ObjectVersion, attributes: Attributes): void {
    this.#database.run(
      'UPDATE version SET attributes = ? WHERE sequence = ?',
      JSON.stringify(attributes),
      version.sequence,
    );
  }

  /** @param object undefined for a delete marker */
  #insert(bucket: Bucket, key: string, object: (NewObject & { content: number }) | undefined): ObjectVersion {
    const versionId = bucket.versioning === 'Enabled' ? randomBytes(16).toString('hex') : NULL_VERSION;
    const replaced = this.find(bucket.name, key, versionId);
    if (replaced !== undefined) this.#erase(replaced);
    this.#database.run('UPDATE version SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1', bucket.name, key);
    const attributes: Attributes = object?.attributes ?? { headers: {}, tags: [] };
    const row = this.#database.get<VersionRow>(
      `INSERT INTO version(sequence, bucket, key, version, latest, marker, size_bytes, etag, modified_ms, attributes,
         parts, content)
       VALUES(?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?) RETURNING ${VERSION_COLUMNS}`,
      this.#database.nextSequence(),
      bucket.name,
      key,
      versionId,
      object === undefined ? 1 : 0,
      object?.sizeBytes ?? 0,
      object?.etag ?? '',
      Date.now(),
      JSON.stringify(attributes),
      object?.parts ? JSON.stringify(object.parts) : null,
      object?.content ?? null,
    );
    return versionOf(row!);
  }

  #erase(version: ObjectVersion): void {
    this.#database.run('DELETE FROM version WHERE sequence = ?', version.sequence);
    if (version.content !== undefined) this.#content.remove(version.content);
  }

  #announce(bucket: Bucket, version: ObjectVersion, requestId: string, change: ObjectChange['change']): void {
    if (!bucket.eventBridge) return;
    this.#events.record({
      bucket: bucket.name,
      key: version.key,
      ...(bucket.versioning === undefined ? {} : { versionId: version.versionId }),
      sequence: version.sequence,
      requestId,
      change,
    });
  }
}

export function versionOf(row: VersionRow): ObjectVersion {
  return {
    sequence: row.sequence,
    key: row.key,
    versionId: row.version,
    latest: row.latest === 1,
    marker: row.marker === 1,
    sizeBytes: row.size_bytes,
    etag: row.etag,
    modifiedAt: new Date(row.modified_ms),
    attributes: JSON.parse(row.attributes) as Attributes,
    content: row.content ?? undefined,
  };
}
