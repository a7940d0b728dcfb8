import { createHash } from 'node:crypto';
import type { ArchiveFormat } from '../archive/format.ts';
import type { IndexedMember } from '../archive/member.ts';
import { rangeLength } from '../range.ts';

/** Raise when the same contents make other bytes than before. */
const LAYOUT_VERSION = 1;

/**
 * 32 hexadecimal digits made of what a bundle holds: its merged manifest and its pods' members, whatever their order and
 * wherever they were taken from. The same contents have the same id, and so the same key.
 */
export function bundleId(contents: {
  manifest: Uint8Array;
  format: ArchiveFormat;
  members: readonly IndexedMember[];
}): string {
  const members = contents.members.map(
    ({ name, sha256, wire, wireCrc32 }) => [name, sha256, rangeLength(wire), wireCrc32] as const,
  );
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const manifest = createHash('sha256').update(contents.manifest).digest('hex');
  const description = JSON.stringify([LAYOUT_VERSION, contents.format, manifest, members]);
  return createHash('sha256').update(description).digest('hex').slice(0, 32);
}
