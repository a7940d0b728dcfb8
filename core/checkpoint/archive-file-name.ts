/**
 * What the file of a container archive may be called to be moved: what the kubelet calls it, and any other plain name that
 * ends in `.tar`, `.tar.zst` or `.tar.gz`. At most 255 ASCII characters, first a letter or digit, none of them special to a
 * shell but the `:` of times.
 */
const PATTERN = /^([A-Za-z0-9][A-Za-z0-9._:+-]*?)\.tar(?:\.zst|\.gz)?$/;

/** What a directory entry can be called. */
const NAME_BYTES_MAX = 255;

export function isArchiveFileName(name: string): boolean {
  return name.length <= NAME_BYTES_MAX && PATTERN.test(name);
}

/** The name without its extension: what a pod's tar knows the archive by. Undefined when the name is not allowed. */
export function archiveStem(name: string): string | undefined {
  return name.length <= NAME_BYTES_MAX ? PATTERN.exec(name)?.[1] : undefined;
}

/** The name of the archive's member in a pod's tar: as readers of pod archives expect it, however it is compressed. */
export function archiveMemberName(stem: string): string {
  return `${stem}.tar`;
}
