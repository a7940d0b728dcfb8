import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PodfreightError } from '../../core/errors.ts';
import { formatBytes } from '../bytes.ts';

/** Below it, reserving takes longer than it is worth: what is short by so little, the next write tells at once. */
const RESERVED_FROM_BYTES = 64 * 1024 * 1024;

const run = promisify(execFile);

/**
 * Sets space aside for a file that is empty yet, so that nobody else can fill the disk while it is written. Node.js has no
 * call for it; util-linux's `fallocate` does it at the cost of one short process. Where that is missing, or the file
 * system cannot, nothing is reserved, and a write finds out.
 * @throws PodfreightError `no-space`
 */
export async function reserve(path: string, sizeBytes: number): Promise<void> {
  if (sizeBytes < RESERVED_FROM_BYTES) return;
  try {
    const args = ['--keep-size', '--length', String(sizeBytes), '--', path];
    await run('fallocate', args, { env: { ...process.env, LC_ALL: 'C' }, timeout: 60_000 });
  } catch (cause) {
    if (!/No space left|quota exceeded/i.test(String((cause as { stderr?: string }).stderr))) return;
    const message = `The file system of ${path} has no ${formatBytes(sizeBytes)} left for it.`;
    throw new PodfreightError('no-space', message, { cause, subject: { path, neededBytes: sizeBytes } });
  }
}
