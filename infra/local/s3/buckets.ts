import type { Database } from './database.ts';
import { S3Error } from './errors.ts';

export type Versioning = 'Enabled' | 'Suspended';

export interface Bucket {
  readonly name: string;
  readonly createdAt: Date;
  /** Absent: it never had versions. */
  readonly versioning: Versioning | undefined;
  /** Whether its notification configuration sends events to EventBridge. */
  readonly eventBridge: boolean;
}

interface BucketRow {
  name: string;
  created_ms: number;
  versioning: Versioning | null;
  event_bridge: number;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const NAME = /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Buckets and their configuration documents, which are kept as they came. */
export class Buckets {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws S3Error `NoSuchBucket` */
  get(name: string): Bucket {
    const bucket = this.find(name);
    if (bucket === undefined) {
      throw new S3Error('NoSuchBucket', 'The specified bucket does not exist', { details: { BucketName: name } });
    }
    return bucket;
  }

  find(name: string): Bucket | undefined {
    const row = this.#database.get<BucketRow>('SELECT * FROM bucket WHERE name = ?', name);
    return row && bucketOf(row);
  }

  list(): Bucket[] {
    return this.#database.all<BucketRow>('SELECT * FROM bucket ORDER BY name').map(bucketOf);
  }

  /** @throws S3Error `InvalidBucketName` */
  create(name: string): void {
    if (!NAME.test(name)) {
      throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.', { details: { BucketName: name } });
    }
    this.#database.run('INSERT INTO bucket(name, created_ms) VALUES(?, ?)', name, Date.now());
  }

  /** Inside a transaction, once nothing is in it. */
  remove(name: string): void {
    this.#database.run('DELETE FROM configuration WHERE bucket = ?', name);
    this.#database.run('DELETE FROM bucket WHERE name = ?', name);
  }

  setVersioning(name: string, versioning: Versioning): void {
    this.#database.run('UPDATE bucket SET versioning = ? WHERE name = ?', versioning, name);
  }

  setEventBridge(name: string, enabled: boolean): void {
    this.#database.run('UPDATE bucket SET event_bridge = ? WHERE name = ?', enabled ? 1 : 0, name);
  }

  configuration(bucket: string, name: string): string | undefined {
    return this.#database.get<{ document: string }>(
      'SELECT document FROM configuration WHERE bucket = ? AND name = ?',
      bucket,
      name,
    )?.document;
  }

  /** @param document undefined removes it */
  configure(bucket: string, name: string, document: string | undefined): void {
    if (document === undefined) {
      this.#database.run('DELETE FROM configuration WHERE bucket = ? AND name = ?', bucket, name);
    } else {
      this.#database.run('INSERT OR REPLACE INTO configuration VALUES(?, ?, ?)', bucket, name, document);
    }
  }
}

function bucketOf(row: BucketRow): Bucket {
  return {
    name: row.name,
    createdAt: new Date(row.created_ms),
    versioning: row.versioning ?? undefined,
    eventBridge: row.event_bridge === 1,
  };
}
