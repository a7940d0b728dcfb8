import { createHash } from 'node:crypto';
import type { ArchiveFormat } from '../archive/format.ts';
import type { IndexedMember } from '../archive/member.ts';
import { rangeLength } from '../range.ts';

/** Raise when the same members make another tail than before. */
const LAYOUT_VERSION = 1;

/**
 * 32 hexadecimal digits made of what a bundle holds and in which order: the same bytes have the same id, and so the same
 * key, wherever they were taken from; other bytes have another.
 * @param contents.members as planned: the manifest first
 */
export function bundleId(contents: { format: ArchiveFormat; members: readonly IndexedMember[] }): string {
  return digest([LAYOUT_VERSION, contents.format, describe(contents.members)]).slice(0, 32);
}

/** 64 hexadecimal digits made of the members that an object consists of, in their order. */
export function gatheringId(members: readonly IndexedMember[]): string {
  return digest(['gathered', describe(members)]);
}

function describe(members: readonly IndexedMember[]): unknown {
  return members.map(({ name, sha256, wire, wireCrc32 }) => [name, sha256, rangeLength(wire), wireCrc32]);
}

function digest(description: unknown): string {
  return createHash('sha256').update(JSON.stringify(description)).digest('hex');
}
