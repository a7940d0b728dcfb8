import { type ByteRange, rangeLength } from '../range.ts';
import { MANIFEST_NAME, sandboxIdOfFileName } from '../sandbox-id.ts';
import { type ArchiveFormat, FRAME_BYTES } from './format.ts';
import { frameBound } from './frame.ts';
import { type IndexedMember, tarBytes } from './member.ts';
import { BLOCK_BYTES, isTime } from './tar-header.ts';
import { MAX_HEADER_BYTES, MAX_MEMBERS } from './tar-walk.ts';

/** Formats that have an index. */
export type IndexedFormat = Exclude<ArchiveFormat, 'tar+gzip'>;

/** The index's JSON text. docs/format.md, "Index". */
export function formatIndex(format: IndexedFormat, members: readonly IndexedMember[]): string {
  return JSON.stringify({
    format,
    ...(format === 'tar+zstd' && { frameBytes: FRAME_BYTES }),
    members: members.map((member) => ({
      name: member.name,
      sizeBytes: member.sizeBytes,
      modifiedAt: member.modifiedAt.toISOString(),
      sha256: member.sha256,
      headerBytes: member.headerBytes,
      wire: { start: member.wire.start, end: member.wire.end },
      wireCrc32: member.wireCrc32,
      ...(format === 'tar+zstd' && { frames: member.frames }),
    })),
  });
}

/**
 * The members that an index's JSON tells of, checked: names valid and each once, the manifest first, the wire ranges side
 * by side from 0 on, every size consistent with the others. Unknown keys are passed over.
 * @returns the members, or what is wrong as the end of the sentence "its index …"
 */
export function parseIndex(json: unknown, format: IndexedFormat): IndexedMember[] | { readonly refused: string } {
  if (!isObject(json) || json.format !== format) return { refused: 'is of another format' };
  if (format === 'tar+zstd' && json.frameBytes !== FRAME_BYTES) return { refused: 'has another frame size' };
  if (!Array.isArray(json.members) || json.members.length === 0) return { refused: 'has no members' };
  if (json.members.length > MAX_MEMBERS) return { refused: 'has too many members' };

  const names = new Set<string>();
  const members: IndexedMember[] = [];
  for (const value of json.members) {
    const member = parseMember(value, format);
    const isInPlace =
      member !== undefined &&
      !names.has(member.name) &&
      (member.name === MANIFEST_NAME) === (members.length === 0) &&
      member.wire.start === (members.at(-1)?.wire.end ?? 0);
    if (!isInPlace) return { refused: `has a broken entry for member ${members.length + 1}` };
    names.add(member.name);
    members.push(member);
  }
  return members;
}

function parseMember(value: unknown, format: IndexedFormat): IndexedMember | undefined {
  if (!isObject(value)) return undefined;
  const { name, sizeBytes, sha256, headerBytes, wireCrc32 } = value;
  const modifiedAt = parseTime(value.modifiedAt);
  const wire = parseRange(value.wire);
  if (typeof name !== 'string' || (name !== MANIFEST_NAME && sandboxIdOfFileName(name) === undefined)) return undefined;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  if (!isSize(sizeBytes) || !isSize(headerBytes) || !isSize(wireCrc32) || wireCrc32 > 0xffffffff) return undefined;
  if (headerBytes < BLOCK_BYTES || headerBytes > MAX_HEADER_BYTES || headerBytes % BLOCK_BYTES !== 0) return undefined;
  if (modifiedAt === undefined || wire === undefined) return undefined;
  const member = { name, sizeBytes, modifiedAt, sha256, headerBytes, wire, wireCrc32 };
  const total = tarBytes(member);
  if (!Number.isSafeInteger(total)) return undefined;
  if (format === 'tar') return rangeLength(wire) === total ? member : undefined;
  const frames = parseFrames(value.frames, total, wire);
  return frames && { ...member, frames };
}

function parseFrames(value: unknown, contentBytes: number, wire: ByteRange): number[] | undefined {
  if (!Array.isArray(value) || value.length !== Math.ceil(contentBytes / FRAME_BYTES)) return undefined;
  let sum = 0;
  for (const size of value) {
    if (!isSize(size) || size === 0 || size > frameBound(FRAME_BYTES)) return undefined;
    sum += size;
  }
  return sum === rangeLength(wire) ? value : undefined;
}

function parseRange(value: unknown): ByteRange | undefined {
  if (!isObject(value)) return undefined;
  const { start, end } = value;
  return isSize(start) && isSize(end) && start <= end ? { start, end } : undefined;
}

/** ISO 8601 in UTC as `Date` writes it, whole seconds. */
function parseTime(value: unknown): Date | undefined {
  if (typeof value !== 'string') return undefined;
  const time = new Date(value);
  const seconds = time.getTime() / 1000;
  return Number.isInteger(seconds) && isTime(seconds) && time.toISOString() === value ? time : undefined;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
