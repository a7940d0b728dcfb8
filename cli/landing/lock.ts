import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { PodfreightError } from '../../core/errors.ts';
import { PRIVATE_FILE } from '../durable.ts';
import { fileError, isErrno } from '../file-error.ts';

const SQLITE_BUSY = 5;
const RETRY_MS = { first: 5, most: 200 };

/**
 * A lock between processes that ends with its holder, however that dies: a write to an empty SQLite database, never
 * committed, holds a lock of the kernel on that file, which Node.js offers in no other way. Two in one process exclude
 * each other as well.
 *
 * The file must not be opened or removed by anything else in the process: closing it would drop the lock (POSIX).
 */
export class FileLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Takes the lock when nobody has it.
   * @param whenAbsent whether the file is created, or its absence reported
   * @throws PodfreightError as the file system
   */
  static tryTake(path: string, whenAbsent: 'create' | 'report'): FileLock | 'busy' | 'absent' {
    if (whenAbsent === 'create') create(path);
    const url = pathToFileURL(path);
    url.searchParams.set('mode', 'rw');
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(url, { timeout: 0 });
      database.exec('PRAGMA journal_mode = MEMORY'); // else there would be a second file
      // Not BEGIN EXCLUSIVE: where SQLite could open the file for reading only, that passes, and shuts nobody out.
      database.exec('BEGIN; PRAGMA user_version = 1');
      return new FileLock(database);
    } catch (error) {
      database?.close();
      if (primaryCode(error) === SQLITE_BUSY) return 'busy';
      const reason = whatForbids(path);
      if (whenAbsent === 'report' && isErrno(reason, 'ENOENT')) return 'absent';
      throw cannotLock(path, reason ?? error);
    }
  }

  /**
   * Waits for the lock, creating the file.
   * @throws PodfreightError `busy` after `waitMs`, as the file system, and the signal's reason
   */
  static async take(path: string, options: { waitMs: number; signal?: AbortSignal }): Promise<FileLock> {
    const deadline = performance.now() + options.waitMs;
    for (let pause = RETRY_MS.first; ; pause = Math.min(pause * 2, RETRY_MS.most)) {
      options.signal?.throwIfAborted();
      const lock = FileLock.tryTake(path, 'create');
      if (lock instanceof FileLock) return lock;
      if (performance.now() >= deadline) {
        const seconds = Math.round(options.waitMs / 1000);
        throw new PodfreightError('busy', `Another process has held ${path} for ${seconds} s; try again later.`, {
          subject: { path },
        });
      }
      await sleep(pause * (0.5 + Math.random())); // several waiting processes should not ask in step
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** Not left to SQLite, which would make it readable, and not say why it cannot. Only a new file is opened, and so closed. */
function create(path: string): void {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  try {
    closeSync(openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, PRIVATE_FILE));
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw cannotLock(path, error);
  }
}

/** SQLite does not tell; asking the system does not open the file. Undefined when nothing does, any more. */
function whatForbids(path: string): unknown {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return error;
  }
}

function cannotLock(path: string, error: unknown): PodfreightError {
  return fileError(error, `Cannot lock ${path}`);
}

/** Without the details that SQLite puts into the higher bits. */
function primaryCode(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff;
}
