import { createHash } from 'node:crypto';
import { combineCrc, isCrc, startCrc } from './crc.ts';
import { S3Error } from './errors.ts';

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;

export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

/** Of all bytes, or of the parts' checksums (then the value ends in `-<parts>`). */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  /** Base64, big-endian. */
  readonly value: string;
}

/** What S3 computes when the client names no algorithm. */
export const DEFAULT_ALGORITHM: ChecksumAlgorithm = 'CRC64NVME';

/** @throws S3Error `InvalidRequest` when `name` is none of ours, in any case */
export function checksumAlgorithm(name: string): ChecksumAlgorithm {
  const found = CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === name.toUpperCase());
  if (found === undefined) {
    throw new S3Error('InvalidRequest', `Checksum algorithm provided is unsupported: ${name}`);
  }
  return found;
}

/** `x-amz-checksum-crc32` and so on. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** `ChecksumCRC32` and so on, the name of the element. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (checksum === undefined) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

export function checksumFields(checksum: Checksum | undefined): Record<string, string> {
  if (checksum === undefined) return {};
  return { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type };
}

export interface Hash {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

export function startChecksum(algorithm: ChecksumAlgorithm): Hash {
  return isCrc(algorithm) ? startCrc(algorithm) : createHash(algorithm.toLowerCase());
}

/**
 * The checksum a client announces in its headers: at most one, given at once or as a trailer.
 * @throws S3Error `InvalidRequest`
 */
export function announcedAlgorithm(headers: Readonly<Record<string, string>>): ChecksumAlgorithm | undefined {
  const given = CHECKSUM_ALGORITHMS.filter((algorithm) => headers[checksumHeader(algorithm)] !== undefined);
  if (given.length > 1) {
    throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum types found.');
  }
  if (given[0] !== undefined) return given[0];
  const trailer = headers['x-amz-trailer']?.toLowerCase();
  if (trailer?.startsWith('x-amz-checksum-')) return checksumAlgorithm(trailer.slice('x-amz-checksum-'.length));
  const named = headers['x-amz-sdk-checksum-algorithm'];
  return named === undefined ? undefined : checksumAlgorithm(named);
}

export interface PartChecksum {
  readonly sizeBytes: number;
  readonly checksum: string;
}

/** The checksum of an object made of parts, from theirs. Only CRCs can be of the full object. */
export function combineChecksums(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly PartChecksum[],
): Checksum {
  const values = parts.map((part): Buffer => Buffer.from(part.checksum, 'base64'));
  if (type === 'COMPOSITE') {
    const hash = startChecksum(algorithm);
    for (const value of values) hash.update(value);
    return { algorithm, type, value: `${hash.digest().toString('base64')}-${parts.length}` };
  }
  if (!isCrc(algorithm)) throw new TypeError(`${algorithm} cannot be combined`);
  const whole = values.reduce((sum, value, i) => combineCrc(algorithm, sum, value, parts[i]!.sizeBytes));
  return { algorithm, type, value: whole.toString('base64') };
}
