import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { PodfreightError } from '../../core/errors.ts';
import type { ObjectLocation } from '../../core/ports.ts';
import { makeDirectories } from '../durable.ts';
import { FileLock } from '../landing/lock.ts';
import type { Ledger } from './inventory.ts';

/** A file as the state knows it. */
export interface KnownFile {
  readonly directory: string;
  readonly name: string;
  /** As in `FileVersion`. */
  readonly version: string;
  /** Tells its bytes from any others: of a container archive its SHA-256. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Whose checkpoint it is, for `--keep`; '' for what is never removed. */
  readonly container: string;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
}

/** A failure, as it is told. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** Files that were decided to go together, before anything was sent: so that a restart decides the same. */
export interface Plan {
  readonly id: number;
  readonly sandboxId: string;
  readonly files: readonly KnownFile[];
}

/** A file that S3 has confirmed. */
export interface StoredFile extends KnownFile {
  readonly location: ObjectLocation;
  /** Of the object. */
  readonly objectBytes: number;
}

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS shipment (
    id INTEGER PRIMARY KEY,
    destination TEXT NOT NULL,
    sandbox_id TEXT NOT NULL,
    planned_at TEXT NOT NULL,
    bucket TEXT,
    key TEXT,
    size_bytes INTEGER,
    stored_at TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS shipment_by_sandbox ON shipment (destination, sandbox_id);
  CREATE TABLE IF NOT EXISTS file (
    shipment INTEGER NOT NULL REFERENCES shipment ON DELETE CASCADE,
    directory TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    container TEXT NOT NULL,
    taken_at INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (shipment, directory, name)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS problem (
    directory TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (directory, name)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS file_by_name ON file (directory, name);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

const IS_STORED = `SELECT 1 FROM file JOIN shipment ON shipment.id = shipment
  WHERE directory = ? AND name = ? AND version = ? AND destination = ? AND stored_at IS NOT NULL`;

const RESERVED_PAGES = 64;

/** SQLITE_BUSY. */
const BUSY = 5;
/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGED = new Set([11, 26]);

/**
 * What was shipped, in one SQLite file: every change is on disk when its method returns, whatever kills the process. It saves
 * work and keeps plans; without it, keys and the catalogue tell what is there. One agent at a time has it.
 */
export class AgentState implements Ledger, Disposable {
  readonly #database: DatabaseSync;
  readonly #lock: FileLock;
  readonly #statements = new Map<string, StatementSync>();
  /** Bucket, cluster and node: what was shipped elsewhere does not count. */
  readonly #destination: string;

  private constructor(database: DatabaseSync, lock: FileLock, destination: string) {
    this.#database = database;
    this.#lock = lock;
    this.#destination = destination;
  }

  /**
   * Opens the file, or makes it. One that is damaged is put aside.
   * @param onDamage told where the damaged one is now
   * @returns 'busy' when another agent has it
   * @throws PodfreightError as the file system
   */
  static async open(
    path: string,
    destination: string,
    onDamage: (aside: string) => void,
  ): Promise<AgentState | 'busy'> {
    await makeDirectories(dirname(path));
    const lock = FileLock.tryTake(`${path}.lock`, 'create');
    if (!(lock instanceof FileLock)) return 'busy';
    try {
      try {
        return new AgentState(openDatabase(path), lock, destination);
      } catch (error) {
        if (!DAMAGED.has(((error as { errcode?: number }).errcode ?? 0) & 0xff)) throw error;
        const aside = `${path}.damaged-${Date.now()}`;
        renameSync(path, aside);
        rmSync(`${path}-journal`, { force: true });
        onDamage(aside);
        return new AgentState(openDatabase(path), lock, destination);
      }
    } catch (cause) {
      lock[Symbol.dispose]();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PodfreightError('io', `Cannot use the state file ${path}: ${why}.`, { cause, subject: { path } });
    }
  }

  isStored(directory: string, name: string, version: string): boolean {
    return this.#sql(IS_STORED).get(directory, name, version, this.#destination) !== undefined;
  }

  /**
   * Whether a file of that name with these bytes was shipped; then it is known by its new version from now on, too.
   */
  recognise(directory: string, name: string, digest: string, version: string): boolean {
    const sql = `UPDATE file SET version = ?, gone = 0 WHERE directory = ? AND name = ? AND digest = ? AND shipment IN
      (SELECT id FROM shipment WHERE destination = ? AND stored_at IS NOT NULL)`;
    return this.#sql(sql).run(version, directory, name, digest, this.#destination).changes > 0;
  }

  knowsSandbox(sandboxId: string): boolean {
    const sql = 'SELECT 1 FROM shipment WHERE destination = ? AND sandbox_id = ? LIMIT 1';
    return this.#sql(sql).get(this.#destination, sandboxId) !== undefined;
  }

  plan(sandboxId: string, files: readonly KnownFile[]): Plan {
    return this.#transaction(() => {
      const sql = 'INSERT INTO shipment (destination, sandbox_id, planned_at) VALUES (?, ?, ?)';
      const { lastInsertRowid } = this.#sql(sql).run(this.#destination, sandboxId, new Date().toISOString());
      const id = Number(lastInsertRowid);
      const insert = this.#sql('INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)');
      for (const { directory, name, version, digest, sizeBytes, container, takenAt } of files) {
        insert.run(id, directory, name, version, digest, sizeBytes, container, takenAt);
      }
      return { id, sandboxId, files };
    });
  }

  /** Plans that S3 has not confirmed. */
  plans(): Plan[] {
    const sql = 'SELECT id, sandbox_id FROM shipment WHERE destination = ? AND stored_at IS NULL ORDER BY id';
    return this.#sql(sql)
      .all(this.#destination)
      .map((row) => ({
        id: Number(row.id),
        sandboxId: String(row.sandbox_id),
        files: this.#sql('SELECT * FROM file WHERE shipment = ? ORDER BY name').all(Number(row.id)).map(knownFile),
      }));
  }

  forget({ id }: Plan): void {
    this.#sql('DELETE FROM shipment WHERE id = ?').run(id);
  }

  /** S3 has it. */
  confirm({ id }: Pick<Plan, 'id'>, { bucket, key }: ObjectLocation, objectBytes: number): void {
    const sql = 'UPDATE shipment SET bucket = ?, key = ?, size_bytes = ?, stored_at = ? WHERE id = ?';
    this.#sql(sql).run(bucket, key, objectBytes, new Date().toISOString(), id);
  }

  /** Files of container archives in that directory that S3 has, the oldest first. */
  stored(directory: string): StoredFile[] {
    const sql = `SELECT file.*, bucket, key, shipment.size_bytes AS object_bytes FROM file
      JOIN shipment ON shipment.id = shipment
      WHERE destination = ? AND directory = ? AND container <> '' AND gone = 0 AND stored_at IS NOT NULL
      ORDER BY taken_at, name`;
    return this.#sql(sql)
      .all(this.#destination, directory)
      .map((row) => ({
        ...knownFile(row),
        location: { bucket: String(row.bucket), key: String(row.key) },
        objectBytes: Number(row.object_bytes),
      }));
  }

  /** Why that file, as it is, cannot be shipped: for whoever looks on. */
  noteProblem(directory: string, name: string, version: string, { code, message }: Problem): void {
    this.#sql('INSERT OR REPLACE INTO problem VALUES (?, ?, ?, ?, ?)').run(directory, name, version, code, message);
  }

  /** Which names the directory has now; a shipment none of whose files is left is forgotten. */
  keepOnly(directory: string, names: ReadonlySet<string>): void {
    const known = this.#sql('SELECT DISTINCT name, gone FROM file WHERE directory = ?').all(directory);
    for (const { name } of this.#sql('SELECT name FROM problem WHERE directory = ?').all(directory)) {
      if (names.has(String(name))) continue;
      this.#sql('DELETE FROM problem WHERE directory = ? AND name = ?').run(directory, String(name));
    }
    const moved = known.filter(({ name, gone }) => names.has(String(name)) === (gone === 1));
    if (moved.length === 0) return;
    this.#transaction(() => {
      const move = this.#sql('UPDATE file SET gone = ? WHERE directory = ? AND name = ?');
      for (const { name, gone } of moved) move.run(1 - Number(gone), directory, String(name));
      this.#sql(`DELETE FROM shipment WHERE stored_at IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM file WHERE shipment = shipment.id AND gone = 0)`).run();
    });
  }

  [Symbol.dispose](): void {
    this.#database.close();
    this.#lock[Symbol.dispose]();
  }

  #sql(text: string): StatementSync {
    const statement = this.#statements.get(text) ?? this.#database.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }

  #transaction<T>(act: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = act();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

/** Whether looking on failed because the agent has been writing for as long as {@link ObservedState} waits. */
export function isBeingWritten(error: unknown): boolean {
  return (((error as { errcode?: number }).errcode ?? 0) & 0xff) === BUSY;
}

/** The state of an agent that runs, to look on. */
export class ObservedState implements Ledger, Disposable {
  readonly #database: DatabaseSync;
  readonly #destination: string;

  private constructor(database: DatabaseSync, destination: string) {
    this.#database = database;
    this.#destination = destination;
  }

  /** @returns undefined while the agent, which has just begun, has nothing there yet */
  static open(path: string, destination: string): ObservedState | undefined {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
      database.prepare('SELECT 1 FROM problem, file, shipment').get();
      return new ObservedState(database, destination);
    } catch {
      database?.close();
      return undefined;
    }
  }

  isStored(directory: string, name: string, version: string): boolean {
    return this.#database.prepare(IS_STORED).get(directory, name, version, this.#destination) !== undefined;
  }

  problem(directory: string, name: string, version: string): Problem | undefined {
    const sql = 'SELECT code, message FROM problem WHERE directory = ? AND name = ? AND version = ?';
    const row = this.#database.prepare(sql).get(directory, name, version);
    return row && { code: String(row.code), message: String(row.message) };
  }

  keepOnly(): void {}

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000 });
  try {
    // The journal stays as a file, so that a full disk stops neither opening nor writing.
    database.exec('PRAGMA journal_mode = PERSIST; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (version > SCHEMA_VERSION) throw new Error('it was made by a newer podfreight');
    const [check] = database.prepare('PRAGMA quick_check(1)').all();
    if (check?.quick_check !== 'ok') throw Object.assign(new Error('it is damaged'), { errcode: 11 });
    database.exec(SCHEMA);
    reserve(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Room for hundreds of files more: whoever is to free a full disk has to take notes on it. */
function reserve(database: DatabaseSync): void {
  const free = Number(database.prepare('PRAGMA freelist_count').get()?.freelist_count);
  if (free >= RESERVED_PAGES / 2) return;
  try {
    const bytes = RESERVED_PAGES * 4096;
    database.exec(`CREATE TABLE IF NOT EXISTS reserve (bytes BLOB) STRICT;
      INSERT INTO reserve VALUES (zeroblob(${bytes}));
      UPDATE reserve SET bytes = randomblob(${bytes});
      DELETE FROM reserve;`);
  } catch {
    // The disk is full already. What is free in the file has to do.
  }
}

function knownFile(row: Record<string, SQLOutputValue>): KnownFile {
  return {
    directory: String(row.directory),
    name: String(row.name),
    version: String(row.version),
    digest: String(row.digest),
    sizeBytes: Number(row.size_bytes),
    container: String(row.container),
    takenAt: Number(row.taken_at),
  };
}
