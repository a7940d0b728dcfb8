import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync, statfsSync } from 'node:fs';

const READ_BYTES = 8 * 1024 * 1024;
const buffer = Buffer.alloc(READ_BYTES);

/** So that the page cache has it. */
export function readWhole(path: string): void {
  const file = openSync(path, 'r');
  while (readSync(file, buffer) > 0);
  closeSync(file);
}

/** So that nobody pays for what others wrote to the same file system. */
export function syncFiles(folder: string): void {
  execFileSync('sync', ['-f', folder]);
}

export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function fileSystem(folder: string): string {
  return execFileSync('df', ['--output=fstype', folder], { encoding: 'utf8' }).trim().split('\n').at(-1)!;
}
