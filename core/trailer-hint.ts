import { FRAME_BYTES } from './archive/format.ts';
import { TAIL_BYTES } from './archive/index.ts';
import { withBytes } from './archive/read-ahead.ts';
import type { ByteSource, ObjectSource } from './ports.ts';
import type { Shipment } from './shipment.ts';

/** User metadata of an archive in S3. docs/format.md, "Keys". */
const NAME = 'podfreight-trailer-bytes';

/** What a member takes in the index without its frames, with all numbers at their longest: 430. */
const MEMBER_BYTES = 512;
/** What a frame takes in index and seek table. */
const FRAME_ENTRY_BYTES = 16;

/** What a hint may ask for: enough for three tebibytes of pods. */
const READ_BYTES_MAX = 12 * 1024 * 1024;

/** Metadata telling how long an archive's end of tar, index and seek table are at most, as it is known before its bytes. */
export function trailerHint({ sandboxIds, contentBytes }: Pick<Shipment, 'sandboxIds' | 'contentBytes'>) {
  const members = sandboxIds.length + 1;
  const frames = Math.ceil(contentBytes / FRAME_BYTES) + 2 * members;
  return { [NAME]: String(members * MEMBER_BYTES + frames * FRAME_ENTRY_BYTES + 4096) };
}

/**
 * The same object with the whole trailer at hand, where the push told that it is long: otherwise a first read would have to
 * tell its length, and a second one bring it.
 */
export async function withTrailer(source: ObjectSource): Promise<ByteSource> {
  const { sizeBytes, metadata } = source;
  const told = Number(metadata[NAME]);
  if (!(told > TAIL_BYTES)) return source;
  const start = Math.max(0, sizeBytes - Math.min(Math.ceil(told), READ_BYTES_MAX));
  return withBytes(source, start, await source.read({ start, end: sizeBytes }));
}
