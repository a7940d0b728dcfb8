import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './podfreight.ts';

/**
 * A file system in memory that only those see who enter its mount namespace. That lives as long as the process that holds it,
 * and this one's end ends that: nothing has to be unmounted, and nothing can stay mounted.
 */
export interface SmallDisk {
  /** Where it is for a process that is started behind `enter`. */
  readonly folder: string;
  /** The same place for everybody else. */
  readonly outside: string;
  /** Begins the command line of a process inside. */
  readonly enter: readonly [program: string, ...args: string[]];
}

/** @returns why there can be none here */
export async function smallDisk(t: TestContext, sizeBytes: number): Promise<SmallDisk | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux, to mount';
  const folder = join(await temporaryFolder(t), 'disk');
  await mkdir(folder);
  const how = `mount -t tmpfs -o size=${sizeBytes} none "$0" && touch "$0/here" && echo mounted && exec cat`;
  const holder = spawn('unshare', ['--mount', 'sh', '-c', how, folder], { stdio: 'pipe' });
  const ended = once(holder, 'close');
  t.after(async () => {
    holder.stdin.end();
    await ended;
  });
  let said = '';
  holder.stderr.on('data', (chunk) => {
    said += chunk;
  });
  if ((await Promise.race([once(holder.stdout, 'data'), ended])).at(0)?.toString() !== 'mounted\n') {
    return `cannot mount here: ${said.trim()}`;
  }
  const outside = `/proc/${holder.pid}/root${folder}`;
  if (!(await readdir(outside)).includes('here')) return 'cannot look into another mount namespace here';
  return { folder, outside, enter: ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, '--'] };
}
