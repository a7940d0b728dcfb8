import { crc32 } from 'node:zlib';

/** A CRC in the making: all are reflected, start with ones and end inverted. */
export interface Crc {
  update(bytes: Uint8Array): void;
  /** Big-endian, as S3 writes it in base64. */
  digest(): Buffer;
}

const CRC32_POLYNOMIAL = 0xedb88320n;
const CRC32C_POLYNOMIAL = 0x82f63b78n;
const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

const POLYNOMIALS = {
  CRC32: { width: 32, polynomial: CRC32_POLYNOMIAL },
  CRC32C: { width: 32, polynomial: CRC32C_POLYNOMIAL },
  CRC64NVME: { width: 64, polynomial: CRC64NVME_POLYNOMIAL },
} as const;

export type CrcAlgorithm = keyof typeof POLYNOMIALS;

export function isCrc(algorithm: string): algorithm is CrcAlgorithm {
  return algorithm in POLYNOMIALS;
}

export function startCrc(algorithm: CrcAlgorithm): Crc {
  return { CRC32: startCrc32, CRC32C: startCrc32c, CRC64NVME: startCrc64 }[algorithm]();
}

function startCrc32(): Crc {
  let crc = 0;
  return {
    update(bytes) {
      crc = crc32(bytes, crc);
    },
    digest: () => bigEndian32(crc),
  };
}

function startCrc32c(): Crc {
  let crc = 0xffffffff;
  return {
    update(bytes) {
      let c = crc;
      for (let i = 0; i < bytes.length; i++) c = table32c[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
      crc = c;
    },
    digest: () => bigEndian32(~crc),
  };
}

/** In two halves of 32 bits: BigInt would be far too slow a byte. */
function startCrc64(): Crc {
  let high = -1;
  let low = -1;
  return {
    update(bytes) {
      let [h, l] = [high, low];
      for (let i = 0; i < bytes.length; i++) {
        const entry = (l ^ bytes[i]!) & 0xff;
        l = ((l >>> 8) | (h << 24)) ^ table64.low[entry]!;
        h = (h >>> 8) ^ table64.high[entry]!;
      }
      [high, low] = [h, l];
    },
    digest: () => Buffer.concat([bigEndian32(~high), bigEndian32(~low)]),
  };
}

function bigEndian32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function tableEntry(index: number, polynomial: bigint): bigint {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
  return value;
}

const table32c = Uint32Array.from({ length: 256 }, (_, index) => Number(tableEntry(index, CRC32C_POLYNOMIAL)));

const table64 = {
  high: Uint32Array.from({ length: 256 }, (_, index) => Number(tableEntry(index, CRC64NVME_POLYNOMIAL) >> 32n)),
  low: Uint32Array.from({ length: 256 }, (_, index) => Number(tableEntry(index, CRC64NVME_POLYNOMIAL) & 0xffffffffn)),
};

/**
 * The CRC of `first` followed by `second`, from their CRCs alone: multiplies the first by x^(8 * length) in GF(2).
 * @param secondBytes length of what `second` is the CRC of
 */
export function combineCrc(algorithm: CrcAlgorithm, first: Buffer, second: Buffer, secondBytes: number): Buffer {
  const { width, polynomial } = POLYNOMIALS[algorithm];
  const one = 1n << BigInt(width - 1); // reflected: the highest bit is x^0

  const multiply = (a: bigint, b: bigint): bigint => {
    let product = 0n;
    for (let bit = one; bit !== 0n; bit >>= 1n) {
      if (a & bit) product ^= b;
      b = b & 1n ? (b >> 1n) ^ polynomial : b >> 1n;
    }
    return product;
  };

  let shift = one;
  let power = one >> 8n; // x^8: one byte
  for (let rest = secondBytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(shift, power);
    power = multiply(power, power);
  }
  const combined = multiply(shift, toBigInt(first)) ^ toBigInt(second);
  return Buffer.from(combined.toString(16).padStart(width / 4, '0'), 'hex');
}

function toBigInt(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}
