import { parseNumber } from './tar-number.ts';

/** Everything in a tar is made of blocks. */
export const BLOCK_BYTES = 512;

/** The largest size that the eleven octal digits of a header hold: 8 GiB - 1. */
export const MAX_OCTAL_SIZE = 0o77777777777;

/** Bytes of the name field; a longer name needs an extended header. */
export const NAME_BYTES = 100;

/** Times a JavaScript date can hold, in seconds. */
const MAX_TIME_SECONDS = 8_640_000_000_000;

/** Offsets and lengths in a header block. @see POSIX.1-2017, pax, "ustar Header Block" */
const NAME = { start: 0, end: NAME_BYTES };
const SIZE = { start: 124, end: 136 };
const MODIFIED = { start: 136, end: 148 };
const CHECKSUM = { start: 148, end: 156 };
const TYPE_OFFSET = 156;
const MAGIC = { start: 257, end: 265 };
const PREFIX = { start: 345, end: 500 };

/** Magic and version together. */
const MAGIC_USTAR = Buffer.from('ustar\x0000', 'latin1');
const MAGIC_GNU = Buffer.from('ustar  \x00', 'latin1');
/** Before POSIX: nothing there. */
const MAGIC_V7 = Buffer.alloc(8);

export type TarType = 'file' | 'directory' | 'pax' | 'gnu-long-name';

const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '\0': 'file',
  '5': 'directory',
  x: 'pax',
  L: 'gnu-long-name',
};

/** What refused types are called in messages; others are shown as they are. */
const REFUSED_TYPES: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a named pipe',
  '7': 'a contiguous file',
  g: 'a global extended header',
  K: 'a long link name',
  S: 'a sparse file',
};

/** One header block. Owner, mode and link name are not read: nothing of them is ever used. */
export interface TarHeader<Type extends string = TarType> {
  /** As it stands there, prefix included, one character for each byte. */
  readonly name: string;
  readonly type: Type;
  readonly sizeBytes: number;
  readonly modifiedSeconds: number;
}

/** Content and its padding to whole blocks. */
export function paddedBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Whether the block's checksum is right: the sum of its bytes, those of the checksum itself counted as spaces. */
export function hasValidChecksum(block: Buffer): boolean {
  let sum = (CHECKSUM.end - CHECKSUM.start) * 0x20;
  for (let at = 0; at < CHECKSUM.start; at++) sum += block[at]!;
  for (let at = CHECKSUM.end; at < BLOCK_BYTES; at++) sum += block[at]!;
  return parseNumber(slice(block, CHECKSUM)) === sum;
}

/** What is wrong with a header as the end of a sentence, with the name as far as it is known. */
export interface RefusedHeader {
  readonly refused: string;
  readonly name?: string;
}

/**
 * Reads one header block (512 bytes, not all zero) strictly.
 * @param types what may stand there, by type flag; absent: what an archive of pods is made of
 */
export function decodeHeader(block: Buffer): TarHeader | RefusedHeader;
export function decodeHeader<Type extends string>(
  block: Buffer,
  types: Readonly<Record<string, Type>>,
): TarHeader<Type> | RefusedHeader;
export function decodeHeader(
  block: Buffer,
  types: Readonly<Record<string, string>> = TYPES,
): TarHeader<string> | RefusedHeader {
  if (!hasValidChecksum(block)) return { refused: 'a tar header has a wrong checksum' };
  const magic = slice(block, MAGIC);
  const ustar = magic.equals(MAGIC_USTAR);
  if (!ustar && !magic.equals(MAGIC_GNU) && !magic.equals(MAGIC_V7)) {
    return { refused: 'a tar header is of an unknown kind (neither ustar, GNU nor v7)' };
  }
  const ownName = text(slice(block, NAME));
  if (ownName === undefined) return { refused: 'a name in a tar header goes on after its end' };
  const prefix = ustar ? text(slice(block, PREFIX)) : '';
  if (prefix === undefined) return { refused: 'has a name prefix that goes on after its end', name: ownName };
  const name = prefix === '' ? ownName : `${prefix}/${ownName}`;

  const flag = String.fromCharCode(block[TYPE_OFFSET]!);
  const type = types[flag];
  if (type === undefined)
    return { refused: `is ${REFUSED_TYPES[flag] ?? 'of an unknown type'}, not a regular file`, name };
  const sizeBytes = parseNumber(slice(block, SIZE));
  if (sizeBytes === undefined || sizeBytes < 0)
    return { refused: 'has a size that is no number from 0 to 2^53-1', name };
  const modifiedSeconds = parseNumber(slice(block, MODIFIED));
  if (modifiedSeconds === undefined || !isTime(modifiedSeconds)) return { refused: 'has a time that is none', name };
  return { name, type, sizeBytes, modifiedSeconds };
}

export function isTime(seconds: number): boolean {
  return Math.abs(seconds) <= MAX_TIME_SECONDS;
}

function slice(block: Buffer, field: { start: number; end: number }): Buffer {
  return block.subarray(field.start, field.end);
}

/** A text field up to its first NUL; undefined when anything but NULs follows, which some reader might see. */
function text(field: Buffer): string | undefined {
  const end = field.indexOf(0);
  if (end < 0) return field.toString('latin1');
  return isZero(field.subarray(end)) ? field.toString('latin1', 0, end) : undefined;
}
