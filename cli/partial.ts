import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeptContent } from '../core/archive/member-reader.ts';
import { type ErrorCode, isPodfreightError } from '../core/errors.ts';
import type { ByteRange } from '../core/range.ts';
import { PRIVATE_DIRECTORY } from './durable.ts';
import { isErrno, orFileError } from './file-error.ts';
import { Journal } from './journal.ts';
import { FileLock } from './landing/lock.ts';
import { PartialFile } from './partial-file.ts';

const LOCK = 'lock';
export const JOURNAL = 'journal';

/**
 * A folder in which files come about piece by piece, and which whoever comes next goes on with when that is cut off:
 * `lock`, `journal` and the files.
 */
export class Partial implements KeptContent, AsyncDisposable {
  readonly #path: string;
  readonly #lock: FileLock;
  readonly #journal: Journal;
  readonly #files = new Map<string, Promise<PartialFile>>();

  private constructor(path: string, lock: FileLock, journal: Journal) {
    this.#path = path;
    this.#lock = lock;
    this.#journal = journal;
  }

  /**
   * The folder, which is made when it is missing.
   * @returns undefined when another process has it, or it is not ours alone
   */
  static async open(path: string): Promise<Partial | undefined> {
    const isNew = await orFileError(`Cannot create ${path}`, () => make(path));
    let lock: FileLock | undefined;
    try {
      if (!(await isPrivate(path))) return undefined;
      lock = takeLock(path);
      return lock && new Partial(path, lock, await Journal.open(join(path, JOURNAL)));
    } catch (error) {
      if (isNew) await removeFolder(path).catch(() => {}); // what failed first counts
      lock?.[Symbol.dispose]();
      if (isPodfreightError(error, 'not-found')) return undefined; // it was just removed by who had it
      throw error;
    }
  }

  has(file: string, range: ByteRange): boolean {
    return this.#journal.pieces(file).has(range);
  }

  async read(file: string, range: ByteRange): Promise<Buffer | undefined> {
    return (await this.file(file)).read(range);
  }

  /** What its files take on the disk. */
  async storedBytes(): Promise<number> {
    const names = await orFileError(`Cannot read ${this.#path}`, () => readdir(this.#path));
    const sizes = await Promise.all(names.map(async (name) => (await lstat(join(this.#path, name))).blocks * 512));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Opened once, and made when it is missing. */
  file(name: string): Promise<PartialFile> {
    let file = this.#files.get(name);
    if (file === undefined) {
      file = PartialFile.open(join(this.#path, name), name, this.#journal);
      this.#files.set(name, file);
    }
    return file;
  }

  /** With everything in it, even when that is wanted no more. */
  async remove(): Promise<void> {
    await this.#close();
    await removeFolder(this.#path);
  }

  /** Leaves it to whoever comes next. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    this.#lock[Symbol.dispose]();
  }

  async #close(): Promise<void> {
    const files = await Promise.allSettled(this.#files.values());
    this.#files.clear();
    for (const file of files) if (file.status === 'fulfilled') await file.value.close();
    await this.#journal[Symbol.asyncDispose]();
  }
}

/** Failures after which the same may be tried again, and go on; after others the bytes or the disk are wrong. */
const CUT_OFF = [
  'interrupted',
  'unreachable',
  'service',
  'no-credentials',
  'access-denied',
  'busy',
  'conflict',
] as const satisfies readonly ErrorCode[];

/** Whether what there is should stay for another try. */
export function canGoOn(error: unknown): boolean {
  return isPodfreightError(error, ...CUT_OFF);
}

/** Removes the folder unless a process has it, or it is not ours alone. */
export async function removeDead(path: string): Promise<void> {
  if (!(await isPrivate(path))) return;
  const lock = takeLock(path);
  if (lock === undefined) return;
  try {
    await removeFolder(path);
  } finally {
    lock[Symbol.dispose]();
  }
}

/** The journal first: without it, what is left counts for nothing. */
async function removeFolder(path: string): Promise<void> {
  await orFileError(`Cannot remove ${path}`, async () => {
    await rm(join(path, JOURNAL), { force: true });
    await rm(path, { recursive: true, force: true });
  });
}

function takeLock(path: string): FileLock | undefined {
  const lock = FileLock.tryTake(join(path, LOCK), 'create');
  return lock instanceof FileLock ? lock : undefined;
}

/** @returns whether it was not there */
async function make(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: PRIVATE_DIRECTORY });
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isPrivate(path: string): Promise<boolean> {
  const stats = await orFileError(`Cannot look up ${path}`, () => lstat(path));
  return stats.isDirectory() && stats.uid === process.geteuid?.() && (stats.mode & 0o077) === 0;
}
