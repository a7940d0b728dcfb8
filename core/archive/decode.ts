import { decodeGzip } from './decode-gzip.ts';
import { decodeZstd } from './decode-zstd.ts';
import type { ArchiveFormat } from './format.ts';

/**
 * The tar inside an archive's bytes, as chunks of any size; memory stays bounded.
 * @param archive its name, for messages
 * @throws PodfreightError `invalid-archive`, `corrupt-archive`, `unsupported`
 */
export function decode(input: AsyncIterable<Buffer>, format: ArchiveFormat, archive: string): AsyncIterable<Buffer> {
  if (format === 'tar+zstd') return decodeZstd(input, archive);
  if (format === 'tar+gzip') return decodeGzip(input, archive);
  return input;
}
