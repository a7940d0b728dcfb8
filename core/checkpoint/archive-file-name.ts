/**
 * What the file of a container archive may be called to be moved: what the kubelet calls it, and any other plain name that
 * ends in `.tar`. At most 255 ASCII characters, first a letter or digit, none of them special to a shell but the `:` of times.
 */
const PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:+-]{0,250}\.tar$/;

export const ARCHIVE_SUFFIX = '.tar';

export function isArchiveFileName(name: string): boolean {
  return PATTERN.test(name);
}
