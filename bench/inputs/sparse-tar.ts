import { type FileHandle, open } from 'node:fs/promises';
import { manifestOf, type PodSpec } from './pods.ts';

const BLOCK_BYTES = 512;

/** A plain tar as any other tool would write it, of which only headers and manifest take room on disk. */
export async function writeSparseTar(path: string, pods: readonly PodSpec[]): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  const manifest = Buffer.from(manifestOf(pods));
  await writeMember(file, 0, 'checkpointed.pods', manifest.length);
  await file.write(manifest, 0, manifest.length, BLOCK_BYTES);
  let at = BLOCK_BYTES + inBlocks(manifest.length);
  for (const { sandboxId, sizeBytes } of pods) {
    await writeMember(file, at, `${sandboxId}.tar`, sizeBytes);
    at += BLOCK_BYTES + inBlocks(sizeBytes);
  }
  await file.truncate(at + 2 * BLOCK_BYTES);
}

function inBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** @see POSIX.1-2017, pax, "ustar Header Block" */
async function writeMember(file: FileHandle, at: number, name: string, sizeBytes: number): Promise<void> {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  header.write(name, 0, 'latin1');
  header.write(`${octal(0o600, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, 'latin1');
  header.write(`${octal(sizeBytes, 11)}\0${octal(0, 11)}\0`, 124, 'latin1');
  header.write(' '.repeat(8), 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  await file.write(header, 0, BLOCK_BYTES, at);
}
