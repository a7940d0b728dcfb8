import { PodfreightError } from './errors.ts';

/**
 * Letters, digits, `.`, `_`, `-`, first a letter or digit, at most 128 in all: a file name on every system and a piece of
 * an S3 key. CRI-O and containerd use 64 hexadecimal digits; other writers of the format are not bound to that.
 */
const PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const SUFFIX = '.tar';

/** The manifest's member and file name. */
export const MANIFEST_NAME = 'checkpointed.pods';

export function isSandboxId(text: string): boolean {
  return PATTERN.test(text);
}

/** `<SandboxID>.tar`, the name of a pod's file and member. */
export function podFileName(sandboxId: string): string {
  if (!isSandboxId(sandboxId)) {
    throw new PodfreightError('internal', `SandboxID ${JSON.stringify(sandboxId)} was used without being checked.`);
  }
  return sandboxId + SUFFIX;
}

/** The SandboxID in `<SandboxID>.tar`, or undefined when the name is not of that form. */
export function sandboxIdOfFileName(name: string): string | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const id = name.slice(0, -SUFFIX.length);
  return isSandboxId(id) ? id : undefined;
}
