import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

/**
 * `version.sequence` orders all changes of all keys. `segment` says where content lies: a run of bytes of a file, and a
 * file is needed as long as one row names it. Keys compare by their UTF-8 bytes, as SQLite and S3 do.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS counter(value INTEGER NOT NULL);
  INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter);

  CREATE TABLE IF NOT EXISTS bucket(
    name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL,
    versioning TEXT, event_bridge INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE IF NOT EXISTS configuration(
    bucket TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY(bucket, name)) STRICT;

  CREATE TABLE IF NOT EXISTS version(
    sequence INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL,
    latest INTEGER NOT NULL, marker INTEGER NOT NULL, size_bytes INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL, attributes TEXT NOT NULL, parts TEXT, content INTEGER) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS version_id ON version(bucket, key, version);
  CREATE INDEX IF NOT EXISTS version_order ON version(bucket, key, sequence DESC);
  CREATE UNIQUE INDEX IF NOT EXISTS version_latest ON version(bucket, key) WHERE latest = 1;

  CREATE TABLE IF NOT EXISTS upload(
    id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL,
    created_ms INTEGER NOT NULL, attributes TEXT NOT NULL, algorithm TEXT, type TEXT) STRICT;
  CREATE INDEX IF NOT EXISTS upload_order ON upload(bucket, key, sequence);
  CREATE TABLE IF NOT EXISTS part(
    upload TEXT NOT NULL, number INTEGER NOT NULL, size_bytes INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL, algorithm TEXT NOT NULL, checksum TEXT NOT NULL, content INTEGER NOT NULL,
    PRIMARY KEY(upload, number)) STRICT;

  CREATE TABLE IF NOT EXISTS segment(
    content INTEGER NOT NULL, position INTEGER NOT NULL, file TEXT NOT NULL,
    start INTEGER NOT NULL, length INTEGER NOT NULL, PRIMARY KEY(content, position)) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS segment_file ON segment(file);

  CREATE TABLE IF NOT EXISTS event(sequence INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT;
`;

/** The index. Calls are synchronous, so a transaction is also alone within the process. */
export class Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * One process at a time: a second one is refused with "database is locked". Survives the death of the process at any
   * point; a power cut may take the last changes with it.
   */
  constructor(path: string) {
    this.#connection = new DatabaseSync(path);
    this.#connection.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    this.#connection.exec(SCHEMA);
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  /** All of `change`, or nothing of it when it throws. */
  transaction<T>(change: () => T): T {
    this.#connection.exec('BEGIN IMMEDIATE');
    try {
      const result = change();
      this.#connection.exec('COMMIT');
      return result;
    } catch (error) {
      this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  /** Greater than every number before, also across restarts. */
  nextSequence(): number {
    return this.get<{ value: number }>('UPDATE counter SET value = value + 1 RETURNING value')!.value;
  }

  close(): void {
    this.#connection.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
