import { constants } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isErrno, orFileError } from './file-error.ts';

/** For what holds process memory: its owner only. */
export const PRIVATE_FILE = 0o600;
export const PRIVATE_DIRECTORY = 0o700;

/** After it, the names in the directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  await sync(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** After it, the file's bytes survive a power cut. */
export async function syncFile(path: string): Promise<void> {
  await sync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
}

async function sync(path: string, flags: number): Promise<void> {
  await orFileError(`Cannot sync ${path} to disk`, async () => {
    await using handle = await open(path, flags);
    await handle.sync();
  });
}

/**
 * Makes the directory and what is missing above it, 0700 and durable; one that is there is left as it is.
 * Not with `mkdir`'s own `recursive`, which in Node.js 24 never ends where a parent is there and still refuses (`/proc`).
 */
export async function makeDirectories(path: string): Promise<void> {
  await orFileError(`Cannot create ${path}`, () => make(resolve(path)));
}

async function make(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path) await make(parent);
  try {
    await mkdir(path, { mode: PRIVATE_DIRECTORY });
  } catch (error) {
    if (!isErrno(error, 'EEXIST') || !(await isDirectory(path))) throw error; // somebody else made it meanwhile
  }
  await syncDirectory(parent);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
