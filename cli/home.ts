import { homedir } from 'node:os';

/**
 * Sees to it that there is a home directory, for us and for the AWS SDK: a container's user may be in no /etc/passwd and
 * have no $HOME. Then it is `/`, as it is for shells.
 */
export function ensureHome(): void {
  try {
    homedir();
  } catch {
    process.env.HOME = '/';
  }
}
