/** zstd frames written by hand, so that every rule can be broken. @see RFC 8878, section 3.1.1 */

/** Most content of one block. */
export const BLOCK_BYTES = 128 * 1024;

export interface FrameFields {
  /** Stated in the header; undefined for a frame that does not say. */
  readonly contentBytes?: bigint | number | undefined;
  /** Exponent and mantissa of the window; the smallest one when absent. */
  readonly windowDescriptor?: number;
  readonly dictionaryId?: number;
  /** Bits of the descriptor to set beside the usual ones. */
  readonly descriptorBits?: number;
  /** After the last block, where the descriptor says that there is one. */
  readonly checksum?: Buffer;
}

const CONTENT_SIZE_8 = 0b1100_0000;
const HAS_CHECKSUM = 0b100;
const DICTIONARY_ID_1 = 0b1;
/** A window of 1 MiB. */
const WINDOW_1_MIB = 10 << 3;

export function frame(blocks: readonly Buffer[], fields: FrameFields = {}): Buffer {
  const { contentBytes, windowDescriptor = WINDOW_1_MIB, dictionaryId, descriptorBits = 0, checksum } = fields;
  const descriptor =
    (contentBytes === undefined ? 0 : CONTENT_SIZE_8) |
    (checksum === undefined ? 0 : HAS_CHECKSUM) |
    (dictionaryId === undefined ? 0 : DICTIONARY_ID_1) |
    descriptorBits;
  return Buffer.concat([
    Buffer.from('28b52ffd', 'hex'),
    Buffer.from([descriptor, windowDescriptor]),
    Buffer.from(dictionaryId === undefined ? [] : [dictionaryId]),
    contentBytes === undefined ? Buffer.alloc(0) : uint64(BigInt(contentBytes)),
    ...blocks,
    checksum ?? Buffer.alloc(0),
  ]);
}

/** A block of any type: 0 raw, 1 one byte repeated, 2 compressed, 3 reserved. */
export function block(type: number, size: number, body: Buffer, last: boolean): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (type << 1) | (last ? 1 : 0), 0, 3);
  return Buffer.concat([header, body]);
}

/** `bytes` as they are, in as many blocks as that takes. */
export function raw(bytes: Buffer, last = true): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length || blocks.length === 0; at += BLOCK_BYTES) {
    const body = bytes.subarray(at, at + BLOCK_BYTES);
    blocks.push(block(0, body.length, body, last && at + BLOCK_BYTES >= bytes.length));
  }
  return Buffer.concat(blocks);
}

/** Zeros, 128 KiB for every 4 bytes. */
export function zeros(blockCount: number, last = true): Buffer {
  const one = block(1, BLOCK_BYTES, Buffer.alloc(1), false);
  const all = Buffer.alloc(one.length * blockCount, one);
  if (last) all[all.length - one.length]! |= 1;
  return all;
}

/** A frame that decoders pass over. */
export function skippable(content: Buffer | string, variant = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a50 + variant, 0);
  header.writeUInt32LE(Buffer.byteLength(content), 4);
  return Buffer.concat([header, Buffer.from(content as string)]);
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
