const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;
/** First byte of a base-256 field: GNU's extension for what octal digits cannot hold. */
const BASE256_POSITIVE = 0x80;
const BASE256_NEGATIVE = 0xff;

/**
 * A number field of a tar header, read strictly: spaces, octal digits (at least one), then only NULs and spaces; or
 * base-256, big-endian, two's complement.
 * @returns undefined when it is neither, or not a safe integer
 * @see POSIX.1-2017, pax, "ustar Header Block"; GNU tar manual, "Extensions to tar archive format"
 */
export function parseNumber(field: Buffer): number | undefined {
  const first = field[0]!;
  return first === BASE256_POSITIVE || first === BASE256_NEGATIVE ? parseBase256(field) : parseOctal(field);
}

function parseOctal(field: Buffer): number | undefined {
  let at = 0;
  while (field[at] === SPACE) at++;
  const firstDigit = at;
  let value = 0;
  for (; at < field.length; at++) {
    const byte = field[at]!;
    if (byte < ZERO || byte > SEVEN) break;
    value = value * 8 + (byte - ZERO);
  }
  if (at === firstDigit) return undefined;
  for (; at < field.length; at++) {
    if (field[at] !== 0 && field[at] !== SPACE) return undefined;
  }
  return value;
}

function parseBase256(field: Buffer): number | undefined {
  // The first byte's top bit is the mark, the next one the sign: 0x80 and 0xff leave nothing but sign in it.
  let value = field[0] === BASE256_NEGATIVE ? -1n : 0n;
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}
