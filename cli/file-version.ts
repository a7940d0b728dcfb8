import { type BigIntStats, lstatSync } from 'node:fs';
import { isErrno } from './file-error.ts';

/** A regular file at one moment. */
export interface FileVersion {
  /** Differs whenever the bytes may: `<dev>:<ino>:<size>:<mtime>:<ctime>`, times in nanoseconds. */
  readonly version: string;
  readonly sizeBytes: number;
  /** By the node's clock, in milliseconds; no program can set it to another time. */
  readonly changedAt: number;
}

/** What `path` names now; undefined when nothing does, or no regular file. @throws other failures of the system */
export function fileVersion(path: string): FileVersion | undefined {
  try {
    const found = lstatSync(path, { bigint: true });
    return found.isFile() ? versionOf(found) : undefined;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileVersion {
  const version = [dev, ino, size, mtimeNs, ctimeNs].join(':');
  return { version, sizeBytes: Number(size), changedAt: Number(ctimeNs / 1_000_000n) };
}

/** The inode in `FileVersion.version`. */
export function inodeOf(version: string): bigint {
  return BigInt(version.split(':')[1] ?? 0);
}
