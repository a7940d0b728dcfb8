import { hostname, userInfo } from 'node:os';
import { PodfreightError } from '../core/errors.ts';

/** Who does something, and why. */
export interface DeedFlags {
  readonly by?: string;
  readonly reason?: string;
}

/** Of each; longer ones belong elsewhere. */
const TEXT_LENGTH_MAX = 500;

/** @throws PodfreightError `usage` for an empty or a very long text */
export function deedOf({ by, reason }: DeedFlags, defaultReason: string): { by: string; reason: string } {
  for (const [flag, text] of [
    ['--by', by],
    ['--reason', reason],
  ] as const) {
    if (text === undefined || (text.trim() !== '' && text.length <= TEXT_LENGTH_MAX)) continue;
    throw new PodfreightError('usage', `${flag} must be 1 to ${TEXT_LENGTH_MAX} characters.`);
  }
  return { by: by ?? whoever(), reason: reason ?? defaultReason };
}

function whoever(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname(); // a container's user without a name
  }
}
