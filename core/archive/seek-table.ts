import { SKIPPABLE_HEADER_BYTES } from './frame-walk.ts';

/**
 * The seek table of the zstd seekable format: a skippable frame, the last of the file, with the compressed and the
 * decompressed size of every frame before it.
 * @see https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md
 */
const SKIPPABLE_MAGIC = 0x184d2a5e;
const FOOTER_MAGIC = 0x8f92eab1;

/** Offsets in an entry. */
const ENTRY = { compressed: 0, decompressed: 4 };
const ENTRY_BYTES = 8;

/** Offsets in the footer. */
const FOOTER = { frameCount: 0, descriptor: 4, magic: 5 };
const FOOTER_BYTES = 9;
/** The descriptor of a table without checksums: the frames have their own. */
const NO_CHECKSUMS = 0;

export interface SeekEntry {
  readonly compressedBytes: number;
  /** 0 for a skippable frame. */
  readonly decompressedBytes: number;
}

/** @param entryCount how many `entries` are */
export function encodeSeekTable(entries: Iterable<SeekEntry>, entryCount: number): Buffer {
  const table = Buffer.alloc(seekTableBytes(entryCount));
  table.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  table.writeUInt32LE(table.length - SKIPPABLE_HEADER_BYTES, 4);
  let at = SKIPPABLE_HEADER_BYTES;
  for (const { compressedBytes, decompressedBytes } of entries) {
    table.writeUInt32LE(compressedBytes, at + ENTRY.compressed);
    table.writeUInt32LE(decompressedBytes, at + ENTRY.decompressed);
    at += ENTRY_BYTES;
  }
  table.writeUInt32LE(entryCount, at + FOOTER.frameCount);
  table.writeUInt8(NO_CHECKSUMS, at + FOOTER.descriptor);
  table.writeUInt32LE(FOOTER_MAGIC, at + FOOTER.magic);
  return table;
}

/**
 * What the last bytes of an object say of its seek table.
 * @param tail at least the last 17 bytes, or all there are
 * @returns the table's length and its last entry, or undefined when no table without checksums, or an empty one, is there
 */
export function readSeekFooter(tail: Buffer): { readonly tableBytes: number; readonly last: SeekEntry } | undefined {
  const footer = tail.length - FOOTER_BYTES;
  const entry = footer - ENTRY_BYTES;
  if (entry < 0 || tail.readUInt32LE(footer + FOOTER.magic) !== FOOTER_MAGIC) return undefined;
  const frameCount = tail.readUInt32LE(footer + FOOTER.frameCount);
  if (frameCount === 0 || tail[footer + FOOTER.descriptor] !== NO_CHECKSUMS) return undefined;
  const last = {
    compressedBytes: tail.readUInt32LE(entry + ENTRY.compressed),
    decompressedBytes: tail.readUInt32LE(entry + ENTRY.decompressed),
  };
  return { tableBytes: seekTableBytes(frameCount), last };
}

/** Length of a table of so many entries. */
export function seekTableBytes(entryCount: number): number {
  return SKIPPABLE_HEADER_BYTES + entryCount * ENTRY_BYTES + FOOTER_BYTES;
}
