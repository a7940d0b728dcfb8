import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Member } from '../../core/archive/member.ts';
import { PodfreightError } from '../../core/errors.ts';
import { podFileName, sandboxIdOfFileName } from '../../core/sandbox-id.ts';
import { PRIVATE_DIRECTORY, PRIVATE_FILE, syncDirectory } from '../durable.ts';
import { isErrno, orFileError } from '../file-error.ts';
import { lookUp } from '../kubelet-directory.ts';
import { FileLock } from './lock.ts';
import { reserve } from './reserve.ts';

const STAGING = /^staging-[0-9a-f]{16}$/;
const DONE = /^done-[0-9a-f]{16}$/;

/**
 * What one insert keeps in the private folder until it is over. docs/design.md has the protocol.
 *
 *     lock                 held by the insert: who can take it knows that the insert is dead
 *     new/<SandboxID>.tar  the checkpoints that arrived; stays linked, so that its inode tells what came from here
 *     old/<SandboxID>.tar  second links of the files that are replaced
 *     swap/<SandboxID>.tar second links of new files, to be renamed over old ones
 *     before               the manifest as it was, when one without the replaced pods stands in between
 *     between              that one, until it is renamed into place
 *     next                 the new manifest, until it is renamed into place: that is the moment of commitment
 *     after                a second link of the new manifest, from before the target is touched until that is undone
 */
export class StagingPaths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get lock(): string {
    return join(this.root, 'lock');
  }
  get before(): string {
    return join(this.root, 'before');
  }
  get between(): string {
    return join(this.root, 'between');
  }
  get next(): string {
    return join(this.root, 'next');
  }
  get after(): string {
    return join(this.root, 'after');
  }

  folder(which: 'new' | 'old' | 'swap'): string {
    return join(this.root, which);
  }

  pod(which: 'new' | 'old' | 'swap', sandboxId: string): string {
    return join(this.folder(which), podFileName(sandboxId));
  }

  /** SandboxIDs of the files in `which`; none when that was never made. */
  async pods(which: 'new' | 'old'): Promise<string[]> {
    const folder = this.folder(which);
    const names = await orFileError(`Cannot read ${folder}`, async () => {
      try {
        return await readdir(folder);
      } catch (error) {
        if (isErrno(error, 'ENOENT')) return [];
        throw error;
      }
    });
    return names.map(sandboxIdOfFileName).filter((sandboxId) => sandboxId !== undefined);
  }
}

/** A file in `new/`. */
export interface StagedPod {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The staging folder of an insert that runs. */
export class Staging {
  readonly paths: StagingPaths;
  readonly #lock: FileLock;
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

  /** Writes a pod's file, 0600, with the member's time, and syncs it. */
  async add(
    sandboxId: string,
    { modifiedAt, sizeBytes: promisedBytes }: Member,
    data: AsyncIterable<Uint8Array>,
  ): Promise<StagedPod> {
    const path = this.paths.pod('new', sandboxId);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    await using handle = await orFileError(`Cannot create ${path}`, () => openNew(path));
    await reserve(path, promisedBytes);
    for await (const chunk of data) {
      await orFileError(`Cannot write ${path}`, () => handle.writeFile(chunk));
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    await orFileError(`Cannot write ${path}`, async () => {
      await handle.utimes(modifiedAt, modifiedAt);
      await handle.sync();
    });
    return { sizeBytes, sha256: hash.digest('hex') };
  }

  /** The target is in order without it from now on. Where the target was changed, only while the private folder is locked. */
  async retire(): Promise<void> {
    this.#done = await retire(this.paths.root);
  }

  /** Removes it; but what was begun and neither finished nor rolled back, or not retired for sure, is left to the next insert. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const { root, after } = this.paths;
      if (this.#done === undefined && (await exists(root)) && !(await exists(after))) await this.retire();
      if (this.#done !== undefined) await removeDone(this.#done);
    } finally {
      this.#lock[Symbol.dispose]();
    }
  }
}

/** Creates a file, 0600, with these bytes, synced. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await orFileError(`Cannot write ${path}`, async () => {
    await using handle = await openNew(path);
    await handle.writeFile(bytes);
    await handle.sync();
  });
}

/**
 * Renames a staging folder to `done-…`, durably, for `removeDone`: a half removed one must never be taken for one that has
 * to be rolled back.
 */
export async function retire(staging: string): Promise<string> {
  const done = join(dirname(staging), basename(staging).replace('staging-', 'done-'));
  await orFileError(`Cannot remove ${staging}`, () => rename(staging, done));
  await syncDirectory(dirname(staging));
  return done;
}

export async function removeDone(done: string): Promise<void> {
  await orFileError(`Cannot remove ${done}`, () => rm(done, { recursive: true, force: true }));
}

/** The staging folders there are, dead or alive, and those that only wait for their removal. */
export async function listStagings(privateFolder: string): Promise<{ stagings: string[]; done: string[] }> {
  const names = await orFileError(`Cannot read ${privateFolder}`, () => readdir(privateFolder));
  const matching = (pattern: RegExp) =>
    names.filter((name) => pattern.test(name)).map((name) => join(privateFolder, name));
  return { stagings: matching(STAGING), done: matching(DONE) };
}

function openNew(path: string) {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  return open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, PRIVATE_FILE);
}

async function exists(path: string): Promise<boolean> {
  return (await lookUp(path)).kind !== 'nothing';
}
