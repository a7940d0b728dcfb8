import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isErrno } from './file-error.ts';

/** Where Linux's first PID namespace is known by its number. @see include/linux/proc_ns.h PROC_PID_INIT_INO */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';

/** Access modes of open(2) in the octal flags of fdinfo. */
const ACCESS_MODE = 0o3;
const READ_ONLY = 0o0;

/** Processes looked at side by side. */
const AT_ONCE = 16;

/**
 * Which of these files some process of the machine has open for writing. Links are read and never followed, so that a dead
 * network file system behind somebody's descriptor cannot hold us up; a file counts by its name and inode.
 * @param files name → inode
 * @returns the names; undefined when not all processes of the machine can be seen, which takes its first PID namespace
 *   (`hostPID`) and the capability SYS_PTRACE
 */
export async function openForWriting(
  files: ReadonlyMap<string, bigint>,
  proc = '/proc',
): Promise<ReadonlySet<string> | undefined> {
  const written = new Set<string>();
  try {
    if ((await readlink(join(proc, 'self/ns/pid'))) !== FIRST_PID_NAMESPACE) return undefined;
    const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
    if (!pids.includes('1')) return undefined; // hidepid
    const next = pids.values();
    const look = async () => {
      for (const pid of next) await lookAt(join(proc, pid), files, written);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, look));
  } catch (error) {
    if (isErrno(error, 'EACCES', 'EPERM', 'ENOENT')) return undefined;
    throw error;
  }
  return written;
}

async function lookAt(process: string, files: ReadonlyMap<string, bigint>, written: Set<string>): Promise<void> {
  for (const fd of (await unlessGone(readdir(join(process, 'fd')))) ?? []) {
    const target = await unlessGone(readlink(join(process, 'fd', fd)));
    const name = target === undefined ? '' : basename(target);
    const ino = files.get(name);
    if (ino === undefined || written.has(name)) continue;
    const info = (await unlessGone(readFile(join(process, 'fdinfo', fd), 'latin1'))) ?? '';
    const flags = /^flags:\s+([0-7]+)$/m.exec(info)?.[1];
    const itsIno = /^ino:\s+(\d+)$/m.exec(info)?.[1]; // since Linux 5.14
    if (flags === undefined || (Number.parseInt(flags, 8) & ACCESS_MODE) === READ_ONLY) continue;
    if (itsIno === undefined || BigInt(itsIno) === ino) written.add(name);
  }
}

/** Processes end and close files while they are looked at. */
async function unlessGone<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
