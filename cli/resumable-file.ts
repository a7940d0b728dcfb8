import { createHash, randomBytes } from 'node:crypto';
import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PodfreightError } from '../core/errors.ts';
import { syncDirectory } from './durable.ts';
import { orFileError } from './file-error.ts';
import { refuseSpecialFile } from './new-file.ts';
import { canGoOn, Partial, removeDead } from './partial.ts';
import type { PartialFile } from './partial-file.ts';

const DATA = 'data';

/**
 * As a `NewFile`, but what was written of it stays for whoever tries again: `.<name>.<16 hex>.part` beside it. Another try
 * with another identity removes that.
 */
export class ResumableFile implements AsyncDisposable {
  /** What the user called it. */
  readonly path: string;
  readonly data: PartialFile;
  readonly #partial: Partial;

  private constructor(path: string, partial: Partial, data: PartialFile) {
    this.path = path;
    this.#partial = partial;
    this.data = data;
  }

  /**
   * @param identity of the bytes that it is going to hold
   * @throws PodfreightError as `NewFile.create`
   */
  static async create(path: string, identity: string): Promise<ResumableFile> {
    await refuseSpecialFile(path);
    const digest = createHash('sha256').update(identity).digest('hex').slice(0, 16);
    await removeOthers(path, digest);
    // Another process may be writing the same.
    const partial = (await open(path, digest)) ?? (await open(path, randomBytes(8).toString('hex')));
    if (partial === undefined) throw new PodfreightError('internal', `No folder could be made beside ${path}.`);
    try {
      return new ResumableFile(path, partial, await partial.file(DATA));
    } catch (error) {
      await partial.remove().catch(() => {}); // what failed first counts
      await partial[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** It is whole. */
  async publish(): Promise<void> {
    await this.data.sync();
    await orFileError(`Cannot write ${this.path}`, () => rename(this.data.path, this.path));
    await syncDirectory(dirname(this.path));
    await this.#partial.remove();
  }

  /** It will not be whole because of that. */
  async fail(error: unknown): Promise<void> {
    if (!canGoOn(error)) await this.#partial.remove().catch(() => {}); // what failed first counts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#partial[Symbol.asyncDispose]();
  }
}

function open(path: string, digest: string): Promise<Partial | undefined> {
  return Partial.open(join(dirname(path), `.${basename(path)}.${digest}.part`));
}

/** What was begun of the same file with other bytes, unless that goes on. */
async function removeOthers(path: string, digest: string): Promise<void> {
  const folder = dirname(path);
  const names = await orFileError(`Cannot create ${path}`, () => readdir(folder));
  for (const name of names) {
    const prefix = `.${basename(path)}.`;
    const isOther = name.startsWith(prefix) && /^[0-9a-f]{16}\.part$/.test(name.slice(prefix.length));
    if (isOther && !name.includes(digest)) await removeDead(join(folder, name));
  }
}
