import { PodfreightError } from '../errors.ts';
import type { ArchiveFormat } from './format.ts';
import { ZSTD_MAGIC } from './frame-walk.ts';
import { invalidArchive, tooShort } from './refusal.ts';
import { BLOCK_BYTES, hasValidChecksum } from './tar-header.ts';

const ZSTD = Buffer.alloc(4);
ZSTD.writeUInt32LE(ZSTD_MAGIC);

const COMPRESSED: readonly (readonly [ArchiveFormat, Buffer])[] = [
  ['tar+zstd', ZSTD],
  ['tar+gzip', Buffer.from('1f8b08', 'hex')],
];

/** Compressions the first checkpointctl read through other programs. */
const UNSUPPORTED: readonly (readonly [tool: string, magic: Buffer])[] = [
  ['bzip2', Buffer.from('BZh', 'latin1')],
  ['xz', Buffer.from('fd377a585a00', 'hex')],
];

/** Bytes that `sniff` wants to see, or all there are. */
export const SNIFF_BYTES = BLOCK_BYTES;

/**
 * What an archive is, by its first bytes.
 * @param archive its name, for messages
 * @throws PodfreightError `unsupported` for bzip2 and xz, `invalid-archive` for what is none
 */
export function sniff(head: Buffer, archive: string): ArchiveFormat {
  const startsWith = (magic: Buffer) => head.subarray(0, magic.length).equals(magic);
  for (const [format, magic] of COMPRESSED) {
    if (startsWith(magic)) return format;
  }
  for (const [tool, magic] of UNSUPPORTED) {
    if (startsWith(magic)) {
      throw new PodfreightError(
        'unsupported',
        `The archive ${archive} is compressed with ${tool}, which podfreight does not read; convert it with "${tool} -dc ARCHIVE | zstd -o ARCHIVE.zst".`,
        { subject: { archive, compression: tool } },
      );
    }
  }
  if (head.length < BLOCK_BYTES) throw tooShort(archive, head.length);
  if (!hasValidChecksum(head.subarray(0, BLOCK_BYTES))) {
    throw invalidArchive(archive, 'it is no checkpoint archive: no tar, neither plain nor in zstd or gzip');
  }
  return 'tar';
}
