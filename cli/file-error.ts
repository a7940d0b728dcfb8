import { type ErrorCode, isPodfreightError, PodfreightError } from '../core/errors.ts';

const REASONS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['not-found', 'no such file or directory'],
  ENOTDIR: ['not-found', 'not a directory'],
  EISDIR: ['unsupported', 'is a directory'],
  ELOOP: ['unsupported', 'is a symbolic link, which is not followed'],
  ENXIO: ['unsupported', 'not a regular file'],
  EACCES: ['access-denied', 'permission denied'],
  EPERM: ['access-denied', 'operation not permitted'],
  EROFS: ['access-denied', 'read-only file system'],
  EEXIST: ['conflict', 'already exists'],
  ENOSPC: ['no-space', 'no space left on device'],
  EDQUOT: ['no-space', 'disk quota exceeded'],
  EMFILE: ['io', 'too many open files'],
  ENFILE: ['io', 'too many open files in the system'],
  EPIPE: ['io', 'the reader closed the pipe'],
  EIO: ['io', 'input/output error'],
};

/**
 * A failure of the file system as one sentence: `<what failed>: <reason>.` Other errors come back as they are.
 * @param what names the operation and the path as the user wrote it: `Cannot open ./x.tar`
 */
export function fileError(error: unknown, what: string): PodfreightError {
  if (isPodfreightError(error)) return error;
  const { code, message, path } = error as NodeJS.ErrnoException;
  const [errorCode, reason] = REASONS[code ?? ''] ?? ['io', message];
  return new PodfreightError(errorCode, `${what}: ${reason}.`, {
    cause: error,
    subject: { ...(path === undefined ? {} : { path }), ...(code === undefined ? {} : { errno: code }) },
  });
}

/** Runs `act`; a failure of the file system becomes {@link fileError}. */
export async function orFileError<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isErrno(error)) throw fileError(error, what);
    throw error;
  }
}

/** True for a system error, with one of `codes` when any are given. */
export function isErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return false;
  return codes.length === 0 || codes.includes(error.code as string);
}
