/** The polynomial of CRC-32 (IEEE 802.3), lowest power in the highest bit. */
const POLYNOMIAL = 0xedb88320;
/** The polynomial 1 (x to the 0) and x, written the same way. */
const ONE = 0x80000000;
const X = 0x40000000;
/** A byte is a factor of x^8, and 8 is 2^3. */
const LOG2_BITS_PER_BYTE = 3;

/** `SQUARES[k]` is x^(2^k) modulo the polynomial; from 32 on they come round again, as the field has 2^32 elements. */
const SQUARES: readonly number[] = squares();

/**
 * The CRC-32 of two runs of bytes one after the other, from theirs and the second one's length; no byte is read.
 * @param crcA of the first run, unsigned, as `zlib.crc32`
 * @param crcB of the second
 * @param lengthB bytes of the second, up to 2^53-1
 * @see crc32_combine in zlib's crc32.c: a run of n bytes behind multiplies what was before by x^(8n)
 */
export function crc32Combine(crcA: number, crcB: number, lengthB: number): number {
  return (multiply(power(lengthB), crcA) ^ crcB) >>> 0;
}

/** x^(8 * bytes) modulo the polynomial. */
function power(bytes: number): number {
  let product = ONE;
  for (let rest = bytes, bit = LOG2_BITS_PER_BYTE; rest > 0; rest = Math.floor(rest / 2), bit++) {
    if (rest % 2 === 1) product = multiply(SQUARES[bit % SQUARES.length]!, product);
  }
  return product;
}

/** `a * b` modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let mask = ONE; mask !== 0; mask >>>= 1) {
    if ((a & mask) !== 0) product ^= factor;
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

function squares(): number[] {
  const all = [X];
  while (all.length < 32) all.push(multiply(all.at(-1)!, all.at(-1)!));
  return all;
}
