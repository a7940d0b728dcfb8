import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Member } from '../../core/archive/member.ts';
import { isPodfreightError, PodfreightError } from '../../core/errors.ts';
import { Backlog } from '../backlog.ts';
import { PRIVATE_DIRECTORY, PRIVATE_FILE, syncDirectory } from '../durable.ts';
import { orFileError } from '../file-error.ts';
import { FileWriter } from '../file-writer.ts';
import { lookUp } from '../kubelet-directory.ts';
import type { PartialFile } from '../partial-file.ts';
import { FileLock } from './lock.ts';
import { reserve } from './reserve.ts';
import { StagingPaths } from './staging-paths.ts';

const STAGING = /^staging-[0-9a-f]{16}$/;
const DONE = /^done-[0-9a-f]{16}$/;

/** Of small files; a file system that is asked to sync several brings them to disk together. */
const SYNCS_AT_ONCE = 8;

/** A file in `new/`. */
export interface StagedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A file in `new/` that has no bytes yet. */
export interface NewStaged {
  readonly path: string;
  readonly handle: FileHandle;
}

/** The staging folder of an insert that runs. */
export class Staging {
  readonly paths: StagingPaths;
  readonly #lock: FileLock;
  readonly #syncs = new Backlog(SYNCS_AT_ONCE);
  #isLanded = false;
  #done: string | undefined;

  private constructor(paths: StagingPaths, lock: FileLock) {
    this.paths = paths;
    this.#lock = lock;
  }

  /** Only while the private folder is locked: a staging without its lock file counts as dead. */
  static async create(privateFolder: string): Promise<Staging> {
    const paths = new StagingPaths(join(privateFolder, `staging-${randomBytes(8).toString('hex')}`));
    await orFileError(`Cannot write in ${privateFolder}`, async () => {
      await mkdir(paths.root, { mode: PRIVATE_DIRECTORY });
      for (const which of ['new', 'old', 'swap'] as const)
        await mkdir(paths.folder(which), { mode: PRIVATE_DIRECTORY });
    });
    const lock = FileLock.tryTake(paths.lock, 'create');
    if (!(lock instanceof FileLock)) throw new PodfreightError('internal', `The new ${paths.lock} is held already.`);
    return new Staging(paths, lock);
  }

  /** A file, 0600, with space for that much. The caller closes it, or lets `add` do so. @throws PodfreightError `no-space`, `io` */
  async create(name: string, sizeBytes: number): Promise<NewStaged> {
    const path = this.paths.file('new', name);
    const handle = await orFileError(`Cannot create ${path}`, () => openNew(path));
    try {
      await reserve(path, sizeBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return { path, handle };
  }

  /**
   * Writes a file of `create`, with the member's time. It is being synced when this ends, and on disk when `settled` does.
   * @param data each chunk is left alone once the next is asked for
   * @param sha256 of the data, when whoever gives them checks that
   */
  async add(
    { path, handle }: NewStaged,
    { modifiedAt }: Pick<Member, 'modifiedAt'>,
    data: AsyncIterable<Uint8Array>,
    sha256?: string,
  ): Promise<StagedFile> {
    const hash = sha256 === undefined ? createHash('sha256') : undefined;
    let sizeBytes = 0;
    const writer = new FileWriter(handle, `Cannot write ${path}`);
    try {
      for await (const chunk of data) {
        const written = writer.write(chunk, sizeBytes);
        hash?.update(chunk); // meanwhile
        sizeBytes += chunk.length;
        await written;
      }
      await writer.settled();
      await this.#syncs.add(async () => {
        await using _ = handle;
        await orFileError(`Cannot write ${path}`, async () => {
          await handle.utimes(modifiedAt, modifiedAt);
          await handle.sync();
        });
      });
    } catch (error) {
      await writer.settled().catch(() => {});
      await handle.close();
      throw error;
    }
    return { sizeBytes, sha256: sha256 ?? hash!.digest('hex') };
  }

  /**
   * As `add`, but in a file that may have some of the data already, and that gets a second name here.
   * @param sha256 of the data, which whoever gives them checks
   */
  async adopt(
    file: PartialFile,
    { name, modifiedAt, sizeBytes }: Member,
    data: AsyncIterable<Buffer>,
    sha256: string,
  ): Promise<StagedFile> {
    let start = 0;
    for await (const chunk of data) {
      const end = start + chunk.length;
      if (!file.isProven({ start, end })) await file.write(chunk, start);
      start = end;
    }
    await this.#syncs.add(async () => {
      await file.sync(modifiedAt);
      const path = this.paths.file('new', name);
      await orFileError(`Cannot create ${path}`, () => link(file.path, path));
    });
    return { sizeBytes, sha256 };
  }

  /** When all that was added is on disk. */
  async settled(): Promise<void> {
    await this.#syncs.settled();
  }

  /** Everything has landed, and is in order without it. Where the target was changed, only while the private folder is locked. */
  async retire(): Promise<void> {
    this.#isLanded = true;
    await this.#clearUp(() => this.#retire());
  }

  /** Removes it; but what was begun and neither finished nor rolled back is left to the next insert. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#syncs.settled().catch(() => {});
    const { root, after } = this.paths;
    try {
      await this.#clearUp(async () => {
        if (this.#done === undefined && (await exists(root)) && !(await exists(after))) await this.#retire();
        if (this.#done !== undefined) await removeDone(this.#done);
      });
    } finally {
      this.#lock[Symbol.dispose]();
    }
  }

  async #retire(): Promise<void> {
    this.#done = await retire(this.paths.root);
  }

  async #clearUp(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      throw this.#isLanded ? inPlaceBut('clearing up failed', error) : error;
    }
  }
}

/** Nobody shall take for a failed landing what failed behind its commitment. */
export function inPlaceBut(what: string, error: unknown): unknown {
  if (!isPodfreightError(error)) return error;
  const { code, message, subject } = error;
  return new PodfreightError(code, `Everything is in place, but ${what}: ${message}`, { cause: error, subject });
}

/** Creates a file, 0600, with these bytes, synced. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await orFileError(`Cannot write ${path}`, async () => {
    await using handle = await openNew(path);
    await handle.writeFile(bytes);
    await handle.sync();
  });
}

/** Renames a staging folder to `done-…`, for `removeDone`: there is nothing to roll back any more. */
export async function retire(staging: string): Promise<string> {
  const done = join(dirname(staging), basename(staging).replace('staging-', 'done-'));
  await orFileError(`Cannot remove ${staging}`, () => rename(staging, done));
  return done;
}

/** Half removed, it should not be back under its old name after a power cut; but a failing sync is no reason to leave it. */
export async function removeDone(done: string): Promise<void> {
  try {
    await syncDirectory(dirname(done));
  } finally {
    await orFileError(`Cannot remove ${done}`, () => rm(done, { recursive: true, force: true }));
  }
}

/** The staging folders there are, dead or alive, and those that only wait for their removal. */
export async function listStagings(privateFolder: string): Promise<{ stagings: string[]; done: string[] }> {
  const names = await orFileError(`Cannot read ${privateFolder}`, () => readdir(privateFolder));
  const matching = (pattern: RegExp) =>
    names.filter((name) => pattern.test(name)).map((name) => join(privateFolder, name));
  return { stagings: matching(STAGING), done: matching(DONE) };
}

/** A file that was not there, 0600. */
export function openNew(path: string) {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  return open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, PRIVATE_FILE);
}

export async function exists(path: string): Promise<boolean> {
  return (await lookUp(path)).kind !== 'nothing';
}
