import { readFileSync } from 'node:fs';
import zlib from 'node:zlib';
import { type ArchiveIndex, readIndex } from '../../core/archive/index.ts';
import { MemorySource } from '../core/archive/memory-source.ts';
import { archiveOf, content } from '../core/archive/sample.ts';
import type { Fate } from './damage.ts';

const PODS = { a1: content(300), b2: content(700, 2) };
const CHECKPOINTCTL = readFileSync(new URL('../fixtures/writers/checkpointctl.tar', import.meta.url));

function zstd(bytes: Buffer, checksum: 0 | 1): Buffer {
  return zlib.zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_checksumFlag]: checksum } });
}

/** Small archives of every kind, to be damaged bit by bit. */
export const SPECIMENS: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  'a plain archive of ours': async () => (await archiveOf(PODS, 'tar')).bytes,
  'an archive of ours in zstd': async () => (await archiveOf(PODS, 'tar+zstd')).bytes,
  'an archive of ours in gzip': async () => (await archiveOf(PODS, 'tar+gzip')).bytes,
  'a plain archive of the first checkpointctl': () => CHECKPOINTCTL,
  'the same in zstd, as it compresses it: with a checksum': () => zstd(CHECKPOINTCTL, 1),
  'the same in zstd without a checksum': () => zstd(CHECKPOINTCTL, 0),
  'the same in gzip': () => zlib.gzipSync(CHECKPOINTCTL),
};

/** GNU tar fills its archives with zeros up to 10,240 bytes. */
export const GNU_TAR = readFileSync(new URL('../fixtures/writers/gnu-tar-gnu.tar', import.meta.url));

export function indexOf(bytes: Buffer): Promise<ArchiveIndex | undefined> {
  return readIndex(new MemorySource(bytes));
}

/** What becomes of each specimen when any one of its bits flips. */
export const DAMAGED: Readonly<Record<string, Readonly<Record<Fate, number>> & { readonly bits: number }>> = {
  'a plain archive of ours': { bits: 45056, refused: 45047, verified: 9, unverified: 0, other: 0 },
  'an archive of ours in zstd': { bits: 16488, refused: 16225, verified: 31, unverified: 232, other: 0 },
  'an archive of ours in gzip': { bits: 6792, refused: 6678, verified: 0, unverified: 114, other: 0 },
  'a plain archive of the first checkpointctl': {
    bits: 45056,
    refused: 35123,
    verified: 0,
    unverified: 12,
    other: 9921,
  },
  'the same in zstd, as it compresses it: with a checksum': {
    bits: 2552,
    refused: 2502,
    verified: 0,
    unverified: 50,
    other: 0,
  },
  'the same in zstd without a checksum': { bits: 2520, refused: 2416, verified: 0, unverified: 50, other: 54 },
  'the same in gzip': { bits: 2536, refused: 2462, verified: 0, unverified: 74, other: 0 },
};
