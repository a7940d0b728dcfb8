import { execFileSync } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProgram } from '../e2e/podfreight.ts';

/** xfs wants at least 300 MiB; the image is sparse. */
const IMAGE_BYTES = 512 * 1024 * 1024;

export type FileSystem = 'ext4' | 'xfs' | 'tmpfs';

/** Why no file system of this kind can be mounted here; false when it can: what a test's `skip` takes. */
export function noMount(kind: FileSystem, folder: string): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux, to mount';
  const how =
    kind === 'tmpfs'
      ? 'mount -t tmpfs none "$0"'
      : `truncate -s ${IMAGE_BYTES} "$0/image" && mkfs.${kind} -q "$0/image" && mkdir -p "$0/at" && mount -o loop "$0/image" "$0/at"`;
  try {
    execFileSync('unshare', ['--mount', 'sh', '-c', how, folder], { stdio: 'pipe' });
    return false;
  } catch (error) {
    return `cannot mount ${kind} here: ${(error as Error).message.trim().split('\n').at(-1)}`;
  }
}

/**
 * Runs a script of this folder where what it mounts is seen by nobody else, and is gone when it ends.
 * @returns what it printed, as JSON
 */
export async function inMountNamespace(script: string, args: readonly string[]): Promise<Record<string, number>> {
  const line = ['--mount', process.execPath, join(import.meta.dirname, script), ...args];
  const { stdout, stderr, code } = await startProgram('unshare', line, {
    env: { PODFREIGHT_CRASH: process.env.PODFREIGHT_CRASH ?? '' },
  }).ended;
  if (code !== 0) throw new Error(`${script} ${args.join(' ')}:\n${stderr}`);
  return JSON.parse(stdout);
}

/** A file system in an image, on a loop device. Only inside {@link inMountNamespace}. */
export class Disk {
  readonly at: string;
  readonly #image: string;

  private constructor(at: string, image: string) {
    this.at = at;
    this.#image = image;
  }

  static async make(kind: 'ext4' | 'xfs', folder: string): Promise<Disk> {
    const image = join(folder, 'image');
    const at = join(folder, 'disk');
    await mkdir(at);
    await writeFile(image, '');
    await truncate(image, IMAGE_BYTES);
    execFileSync(`mkfs.${kind}`, ['-q', image], { stdio: 'pipe' });
    const disk = new Disk(at, image);
    disk.#mount();
    return disk;
  }

  /** All that was written until now is on it. */
  sync(): void {
    execFileSync('sync', ['-f', this.at]);
  }

  /** Off and on again, after its power was cut. */
  restart(): void {
    this[Symbol.dispose]();
    this.#mount();
  }

  #mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.at], { stdio: 'pipe' });
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.at], { stdio: 'pipe' });
  }
}
