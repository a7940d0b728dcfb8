import type { Stats } from 'node:fs';
import { lstat, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { PodfreightError } from '../../core/errors.ts';
import { formatBytes } from '../bytes.ts';
import { PRIVATE_DIRECTORY, syncDirectory } from '../durable.ts';
import { isErrno, orFileError } from '../file-error.ts';
import { FileLock } from './lock.ts';

/** Our folder in the target: on its file system, so that links and renames reach from one to the other. */
export const PRIVATE_FOLDER = '.podfreight';

const LOCK = 'lock';

/** What others hold it for is a few links and syncs, or the hashing of files that changed in the last moment. */
const LOCK_WAIT_MS = 60_000;

/** `<target>/.podfreight`, with the lock that orders all changes of the target. */
export class PrivateFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @throws PodfreightError `conflict` when others could write in it, and as the file system */
  static async open(target: string): Promise<PrivateFolder> {
    const path = join(target, PRIVATE_FOLDER);
    await orFileError(`Cannot write in ${target}`, async () => {
      try {
        await mkdir(path, { mode: PRIVATE_DIRECTORY });
      } catch (error) {
        if (!isErrno(error, 'EEXIST')) throw error;
      }
    });
    await syncDirectory(target);
    return PrivateFolder.#ofStats(path, await orFileError(`Cannot look up ${path}`, () => lstat(path)));
  }

  /** As `open`, but undefined when there is none; writes nothing. */
  static async openIfAny(target: string): Promise<PrivateFolder | undefined> {
    const path = join(target, PRIVATE_FOLDER);
    try {
      return PrivateFolder.#ofStats(path, await lstat(path));
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      return orFileError(`Cannot look up ${path}`, () => Promise.reject(error));
    }
  }

  static #ofStats(path: string, stats: Stats): PrivateFolder {
    if (!stats.isDirectory() || stats.uid !== process.geteuid?.() || (stats.mode & 0o077) !== 0) {
      throw new PodfreightError(
        'conflict',
        `${path} must be a directory of the user who inserts, with mode 0700; remove it when nothing is being inserted.`,
        { subject: { path } },
      );
    }
    return new PrivateFolder(path);
  }

  /** @throws PodfreightError `busy` when others hold it too long */
  async lock(signal?: AbortSignal): Promise<FileLock> {
    return FileLock.take(join(this.path, LOCK), { waitMs: LOCK_WAIT_MS, ...(signal && { signal }) });
  }

  /** The lock, when nobody has it; `absent` when nobody ever had. */
  tryLock(): FileLock | 'busy' | 'absent' {
    return FileLock.tryTake(join(this.path, LOCK), 'report');
  }

  /**
   * That much can be written now; `reserve` sets it aside for the file at hand.
   * @throws PodfreightError `no-space`
   */
  async checkSpace(sizeBytes: number): Promise<void> {
    const { bavail, bsize } = await orFileError(`Cannot look up ${this.path}`, () =>
      statfs(this.path, { bigint: true }),
    );
    const freeBytes = bavail * bsize;
    if (freeBytes >= BigInt(sizeBytes)) return;
    throw new PodfreightError(
      'no-space',
      `The checkpoints need ${formatBytes(sizeBytes)}, and the file system of ${this.path} has ${formatBytes(Number(freeBytes))} left.`,
      { subject: { path: this.path, neededBytes: sizeBytes, freeBytes: Number(freeBytes) } },
    );
  }
}
