import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { PAGE_BYTES } from './corpus.ts';
import { isZero } from './pages.ts';

const FRAME_BYTES = 4 * 1024 * 1024;

/** What data is made of; all are shares of 1. */
export interface MakeUp {
  readonly sampleBytes: number;
  readonly zeroPages: number;
  /** Of the pages that are not zero, those that were there before. */
  readonly repeatedPages: number;
  /** Size by `zstd -3`, in frames of 4 MiB and as one stream. */
  readonly inFrames: number;
  readonly inOneStream: number;
}

export function makeUpOf(sample: Buffer): MakeUp {
  const seen = new Set<string>();
  let zero = 0;
  let repeated = 0;
  const pages = Math.ceil(sample.length / PAGE_BYTES);
  for (let at = 0; at < sample.length; at += PAGE_BYTES) {
    const page = sample.subarray(at, at + PAGE_BYTES);
    if (isZero(page)) {
      zero += 1;
      continue;
    }
    const digest = createHash('md5').update(page).digest('base64');
    if (seen.has(digest)) repeated += 1;
    seen.add(digest);
  }
  let framed = 0;
  for (let at = 0; at < sample.length; at += FRAME_BYTES) framed += zstd3(sample.subarray(at, at + FRAME_BYTES));
  return {
    sampleBytes: sample.length,
    zeroPages: zero / pages,
    repeatedPages: repeated / Math.max(1, pages - zero),
    inFrames: framed / sample.length,
    inOneStream: zstd3(sample) / sample.length,
  };
}

function zstd3(bytes: Buffer): number {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }).length;
}
