import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PodfreightError } from '../core/errors.ts';
import { PRIVATE_FILE, syncDirectory } from './durable.ts';
import { isErrno, orFileError } from './file-error.ts';
import { FileWriter } from './file-writer.ts';

/**
 * A file that has its name when it is whole and on disk, and not before: written beside, synced, renamed. Disposed of
 * without `publish`, nothing of it stays. Mode 0600.
 */
export class NewFile implements AsyncDisposable {
  /** What the user called it. */
  readonly path: string;
  /** For writing at any position. */
  readonly handle: FileHandle;
  readonly #beside: string;
  readonly #writer: FileWriter;
  #end = 0;
  #published = false;

  private constructor(path: string, beside: string, handle: FileHandle) {
    this.path = path;
    this.handle = handle;
    this.#beside = beside;
    this.#writer = new FileWriter(handle, `Cannot write ${path}`);
  }

  /**
   * An existing regular file of that name is replaced by `publish`; anything else is refused, also a link.
   * @throws PodfreightError `unsupported`, `not-found`, `access-denied`, `no-space`, `io`
   */
  static async create(path: string): Promise<NewFile> {
    await refuseSpecialFile(path);
    const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`);
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
    const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR;
    const handle = await orFileError(`Cannot create ${path}`, () => open(beside, flags, PRIVATE_FILE));
    return new NewFile(path, beside, handle);
  }

  /** Appends. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes, this.#end);
    this.#end += bytes.length;
  }

  async publish(): Promise<void> {
    await this.#writer.settled();
    await orFileError(`Cannot write ${this.path}`, async () => {
      await this.handle.sync();
      await rename(this.#beside, this.path);
    });
    this.#published = true;
    await syncDirectory(dirname(this.path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.settled().catch(() => {});
    await this.handle.close();
    if (!this.#published) await rm(this.#beside, { force: true });
  }
}

/** @throws PodfreightError `unsupported` when there is something that is no regular file */
export async function refuseSpecialFile(path: string): Promise<void> {
  try {
    if ((await lstat(path)).isFile()) return;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    return orFileError(`Cannot create ${path}`, () => Promise.reject(error));
  }
  throw new PodfreightError('unsupported', `Cannot create ${path}: something that is not a regular file is there.`, {
    subject: { path },
  });
}
