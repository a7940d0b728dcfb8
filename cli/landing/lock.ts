import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { PodfreightError } from '../../core/errors.ts';

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const RETRY_MS = { first: 5, most: 200 };

/**
 * A lock between processes that ends with its holder, however that dies: SQLite's exclusive transaction on an empty
 * database is a lock of the kernel on that file, which Node.js offers in no other way. Two in one process exclude each
 * other as well.
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
   * @throws PodfreightError `io` when the file cannot be opened, `no-space`
   */
  static tryTake(path: string, whenAbsent: 'create' | 'report'): FileLock | 'busy' | 'absent' {
    const url = pathToFileURL(path);
    url.searchParams.set('mode', whenAbsent === 'create' ? 'rwc' : 'rw');
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(url, { timeout: 0 });
      database.exec('BEGIN EXCLUSIVE');
      return new FileLock(database);
    } catch (error) {
      database?.close();
      const { errcode } = error as { errcode?: number };
      if (errcode === SQLITE_BUSY) return 'busy';
      if (errcode === SQLITE_CANTOPEN && whenAbsent === 'report') return 'absent';
      const code = errcode === SQLITE_FULL ? 'no-space' : 'io';
      throw new PodfreightError(code, `Cannot lock ${path}: ${(error as Error).message}.`, {
        cause: error,
        subject: { path },
      });
    }
  }

  /**
   * Waits for the lock, creating the file.
   * @throws PodfreightError `busy` after `waitMs`, `io`; the signal's reason
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
