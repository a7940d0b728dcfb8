import { crc32 } from 'node:zlib';
import { PodfreightError } from '../errors.ts';
import { SKIPPABLE_HEADER_BYTES } from './frame-walk.ts';
import { corruptArchive, invalidArchive } from './refusal.ts';
import { BLOCK_BYTES, paddedBytes } from './tar-header.ts';

/** The index is a zstd skippable frame; readers of zstd pass over it. @see RFC 8878, section 3.1.2 */
const SKIPPABLE_MAGIC = 0x184d2a57;
export const INDEX_FIRST_BYTE = SKIPPABLE_MAGIC & 0xff;

/** Offsets in the frame's last bytes. docs/format.md, "Index". */
const FOOTER = { jsonBytes: 0, jsonCrc32: 4, version: 8, magic: 12 };
const FOOTER_MAGIC = Buffer.from('podindex', 'latin1');
export const INDEX_FOOTER_BYTES = 20;

const INDEX_VERSION = 1;

/** Longest index frame: enough for tens of terabytes, and bounded in memory. */
export const MAX_INDEX_BYTES = 64 * 1024 * 1024;

/**
 * How often these bytes may stand in an index, since parsed JSON can take fifty times the memory of its text. A member
 * takes 3 brackets, 34 quotes and 13 commas, and a comma for each frame.
 */
const MAX_COUNTS: ReadonlyMap<string, number> = new Map([
  ['[', 500_000],
  ['{', 500_000],
  ['"', 5_000_000],
  [',', 12_000_000],
]);

/** JSON text as an index frame, filled with spaces to whole tar blocks. */
export function encodeIndexFrame(json: string): Buffer {
  const text = Buffer.from(json);
  const overhead = SKIPPABLE_HEADER_BYTES + INDEX_FOOTER_BYTES;
  const frame = Buffer.alloc(paddedBytes(overhead + text.length), ' ');
  if (frame.length > MAX_INDEX_BYTES) {
    throw new PodfreightError('unsupported', 'The archive is too large for one index; split it into several.');
  }
  frame.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  frame.writeUInt32LE(frame.length - SKIPPABLE_HEADER_BYTES, 4);
  text.copy(frame, SKIPPABLE_HEADER_BYTES);
  const footer = frame.length - INDEX_FOOTER_BYTES;
  const padded = frame.subarray(SKIPPABLE_HEADER_BYTES, footer);
  frame.writeUInt32LE(padded.length, footer + FOOTER.jsonBytes);
  frame.writeUInt32LE(crc32(padded), footer + FOOTER.jsonCrc32);
  frame.writeUInt32LE(INDEX_VERSION, footer + FOOTER.version);
  FOOTER_MAGIC.copy(frame, footer + FOOTER.magic);
  return frame;
}

/**
 * How long the index frame is that ends with `bytes`; undefined when none does.
 * @param bytes at least 20, or all there are
 */
export function indexFrameBytes(bytes: Buffer): number | undefined {
  const footer = bytes.length - INDEX_FOOTER_BYTES;
  if (footer < 0 || !bytes.subarray(footer + FOOTER.magic).equals(FOOTER_MAGIC)) return undefined;
  return SKIPPABLE_HEADER_BYTES + bytes.readUInt32LE(footer + FOOTER.jsonBytes) + INDEX_FOOTER_BYTES;
}

/**
 * The JSON in an index frame, whose footer has been found.
 * @throws PodfreightError `unsupported` for a newer version, `invalid-archive`, `corrupt-archive`
 */
export function decodeIndexFrame(frame: Buffer, archive: string): unknown {
  const footer = frame.length - INDEX_FOOTER_BYTES;
  const version = frame.readUInt32LE(footer + FOOTER.version);
  if (version > INDEX_VERSION) {
    throw new PodfreightError(
      'unsupported',
      `The archive ${archive} was written by a newer podfreight (index version ${version}); update podfreight.`,
      { subject: { archive, version } },
    );
  }
  const isIndex =
    version === INDEX_VERSION &&
    frame.length % BLOCK_BYTES === 0 &&
    frame.readUInt32LE(0) === SKIPPABLE_MAGIC &&
    frame.readUInt32LE(4) === frame.length - SKIPPABLE_HEADER_BYTES &&
    frame.readUInt32LE(footer + FOOTER.jsonBytes) === footer - SKIPPABLE_HEADER_BYTES;
  if (!isIndex) throw invalidArchive(archive, 'its index is broken');
  const text = frame.subarray(SKIPPABLE_HEADER_BYTES, footer);
  if (crc32(text) !== frame.readUInt32LE(footer + FOOTER.jsonCrc32)) {
    throw corruptArchive(archive, 'its index is damaged');
  }
  if (!isBounded(text)) throw invalidArchive(archive, 'its index has too many values');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    throw invalidArchive(archive, 'its index is no JSON');
  }
}

function isBounded(text: Buffer): boolean {
  const counts = new Float64Array(256);
  for (let at = 0; at < text.length; at++) counts[text[at]!]!++;
  return [...MAX_COUNTS].every(([character, most]) => counts[character.charCodeAt(0)]! <= most);
}
