import { PodfreightError } from '../errors.ts';
import type { ByteSource } from '../ports.ts';
import { type ByteRange, rangeLength } from '../range.ts';
import { type ArchiveFormat, FRAME_BYTES } from './format.ts';
import { compressFrame } from './frame.ts';
import {
  decodeIndexFrame,
  encodeIndexFrame,
  INDEX_FOOTER_BYTES,
  indexFrameBytes,
  MAX_INDEX_BYTES,
} from './index-frame.ts';
import { formatIndex, type IndexedFormat, parseIndex } from './index-json.ts';
import { type IndexedMember, tarBytes } from './member.ts';
import { encodeMembers, manifestContent } from './member-writer.ts';
import { invalidArchive } from './refusal.ts';
import { encodeSeekTable, readSeekFooter, type SeekEntry, seekTableBytes } from './seek-table.ts';
import { END_OF_TAR } from './tar-encode.ts';

/** What one read of an object's end brings: the whole trailer of all but large archives. */
export const TAIL_BYTES = 64 * 1024;

/** Where everything in an archive of ours lies. */
export interface ArchiveIndex {
  readonly format: IndexedFormat;
  /** The manifest first, then the pods' files; their wire ranges lie side by side from 0 on. */
  readonly members: readonly IndexedMember[];
  /** The two zero blocks, in zstd the frame that holds them. */
  readonly endOfTar: ByteRange;
}

/** The same member when its wire bytes lie at `start`, in this object or another. */
export function relocate(member: IndexedMember, start: number): IndexedMember {
  return { ...member, wire: { start, end: start + rangeLength(member.wire) } };
}

/**
 * The manifest as the first member of an archive to be.
 * @throws PodfreightError `unsupported` for gzip
 */
export async function archiveHead(
  manifest: Buffer,
  format: ArchiveFormat,
  modifiedAt: Date,
): Promise<{ readonly bytes: Buffer; readonly member: IndexedMember }> {
  const pieces: Buffer[] = [];
  for await (const { bytes, member } of encodeMembers([manifestContent(manifest, modifiedAt)], indexed(format))) {
    pieces.push(bytes);
    if (member) return { bytes: Buffer.concat(pieces), member };
  }
  throw new PodfreightError('internal', 'The manifest did not become a member.');
}

/** The bytes of {@link encodeTrailer}. @throws PodfreightError `unsupported` for gzip */
export async function archiveTail(members: readonly IndexedMember[], format: ArchiveFormat): Promise<Buffer> {
  const { bytes } = await encodeTrailer(members, indexed(format));
  return bytes;
}

function indexed(format: ArchiveFormat): IndexedFormat {
  if (format !== 'tar+gzip') return format;
  throw new PodfreightError('unsupported', 'A gzip archive has no index and cannot be spliced; use zstd or plain tar.');
}

/**
 * What follows the members of an archive: the two zero blocks, the index and, for zstd, the seek table.
 * @param members all of them, the manifest first, side by side from 0 on
 * @throws PodfreightError `unsupported` when they are too many for one index
 */
export async function encodeTrailer(
  members: readonly IndexedMember[],
  format: IndexedFormat,
): Promise<{ readonly bytes: Buffer; readonly index: ArchiveIndex }> {
  const endFrame = format === 'tar+zstd' ? await compressFrame(END_OF_TAR) : END_OF_TAR;
  const start = members.at(-1)!.wire.end;
  const index = { format, members, endOfTar: { start, end: start + endFrame.length } };
  const indexFrame = encodeIndexFrame(formatIndex(format, members));
  const seekTable = format === 'tar+zstd' ? seekTableOf(index, indexFrame.length) : Buffer.alloc(0);
  return { bytes: Buffer.concat([endFrame, indexFrame, seekTable]), index };
}

function seekTableOf(index: ArchiveIndex, indexFrameLength: number): Buffer {
  return encodeSeekTable(seekEntries(index, indexFrameLength), seekEntryCount(index));
}

/** Every frame of the archive before the seek table. */
function* seekEntries({ members, endOfTar }: ArchiveIndex, indexFrameLength: number): Generator<SeekEntry> {
  for (const member of members) {
    const total = tarBytes(member);
    for (const [i, compressedBytes] of member.frames!.entries()) {
      yield { compressedBytes, decompressedBytes: Math.min(FRAME_BYTES, total - i * FRAME_BYTES) };
    }
  }
  yield { compressedBytes: rangeLength(endOfTar), decompressedBytes: END_OF_TAR.length };
  yield { compressedBytes: indexFrameLength, decompressedBytes: 0 };
}

function seekEntryCount({ members }: ArchiveIndex): number {
  return members.reduce((sum, { frames }) => sum + frames!.length, 2);
}

/**
 * The index of an archive, found from its end: one read of 64 KiB, a second one when the trailer is longer.
 * @returns undefined when there is none, as in an archive from elsewhere
 * @throws PodfreightError `invalid-archive` or `corrupt-archive` when there is one, but broken; `unsupported` for a newer
 *   one; and as {@link ByteSource}
 */
export async function readIndex(source: ByteSource): Promise<ArchiveIndex | undefined> {
  const { sizeBytes, name: archive } = source;
  const tail = await source.read({ start: Math.max(0, sizeBytes - TAIL_BYTES), end: sizeBytes });
  const trailer = locateTrailer(tail, sizeBytes);
  if (trailer === undefined) return undefined;
  const { format, frameLength, tableLength } = trailer;
  const length = frameLength + tableLength;
  const bytes =
    length <= tail.length
      ? tail.subarray(tail.length - length)
      : await source.read({ start: sizeBytes - length, end: sizeBytes });
  const frame = bytes.subarray(0, frameLength);
  if (indexFrameBytes(frame) !== frameLength) return undefined;

  const members = parseIndex(decodeIndexFrame(frame, archive), format);
  if ('refused' in members) throw invalidArchive(archive, `its index ${members.refused}`);
  const endOfTar = { start: members.at(-1)!.wire.end, end: sizeBytes - length };
  const index = { format, members, endOfTar };
  const endLength = rangeLength(endOfTar);
  const endFits =
    format === 'tar' ? endLength === END_OF_TAR.length : endLength > 0 && endLength <= MAX_END_FRAME_BYTES;
  if (!endFits) throw invalidArchive(archive, 'its index does not reach to its end');
  if (format === 'tar+zstd') {
    const table = bytes.subarray(frameLength);
    const agrees =
      table.length === seekTableBytes(seekEntryCount(index)) && table.equals(seekTableOf(index, frameLength));
    if (!agrees) throw invalidArchive(archive, 'its seek table and its index differ');
  }
  return index;
}

/** The frame of the two zero blocks: more than any level makes of them. */
const MAX_END_FRAME_BYTES = 2048;

/** Where index frame and seek table would have to be, by the object's last bytes. */
function locateTrailer(
  tail: Buffer,
  sizeBytes: number,
): { format: IndexedFormat; frameLength: number; tableLength: number } | undefined {
  const seek = readSeekFooter(tail);
  const format = seek ? 'tar+zstd' : 'tar';
  // The table's last entry is the index frame, so that its length is known even where the table is longer than the tail.
  const frameLength = seek ? seek.last.compressedBytes : indexFrameBytes(tail);
  const tableLength = seek ? seek.tableBytes : 0;
  if (frameLength === undefined || frameLength < INDEX_FOOTER_BYTES || (seek && seek.last.decompressedBytes > 0)) {
    return undefined;
  }
  const fits =
    frameLength <= MAX_INDEX_BYTES && tableLength <= MAX_INDEX_BYTES && frameLength + tableLength <= sizeBytes;
  return fits ? { format, frameLength, tableLength } : undefined;
}
