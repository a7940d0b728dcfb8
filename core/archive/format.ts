/** How an archive lies on the wire: a plain tar, or that tar in zstd or gzip. */
export type ArchiveFormat = 'tar' | 'tar+zstd' | 'tar+gzip';

/** Uncompressed bytes of one zstd frame; each member's last frame may be shorter. 4 MiB measured best (docs/design.md). */
export const FRAME_BYTES = 4 * 1024 * 1024;

/** Bytes of a plain tar handled at once: more than any headers, and few enough to stay in the processor's cache. */
export const PLAIN_PIECE_BYTES = 2 * 1024 * 1024;

const EXTENSIONS: Readonly<Record<ArchiveFormat, string>> = {
  tar: '.tar',
  'tar+zstd': '.tar.zst',
  'tar+gzip': '.tar.gz',
};

export function archiveExtension(format: ArchiveFormat): string {
  return EXTENSIONS[format];
}
