import { createHash } from 'node:crypto';
import type { ByteSource } from '../ports.ts';
import { FRAME_BYTES } from './format.ts';
import { decompressFrame } from './frame.ts';
import { DEFAULT_CONCURRENCY, inOrder } from './in-order.ts';
import { type IndexedMember, tarBytes } from './member.ts';
import { readAhead } from './read-ahead.ts';
import { corruptArchive, invalidArchive } from './refusal.ts';
import { BLOCK_BYTES, isZero } from './tar-header.ts';
import { TarWalk } from './tar-walk.ts';

/** Frames that one read brings. */
const FRAMES_PER_READ = 2;

/**
 * The content of one member, found by its index alone: read by ranges, its frames decoded side by side, at most 32 MiB
 * ahead. It is as it was written only when the iteration ends without an error: the digest is checked last.
 * @throws PodfreightError `corrupt-archive`, `invalid-archive` when the tar differs from the index, and as {@link ByteSource}
 */
export async function* memberData(source: ByteSource, member: IndexedMember): AsyncGenerator<Buffer> {
  const { name, headerBytes, sizeBytes } = member;
  const contentEnd = headerBytes + sizeBytes;
  const hash = createHash('sha256');
  let position = 0;
  for await (const chunk of tarChunks(source, member)) {
    if (position === 0) checkHeader(chunk.subarray(0, headerBytes), member, source.name);
    const content = chunk.subarray(Math.max(headerBytes - position, 0), Math.max(contentEnd - position, 0));
    const padding = chunk.subarray(Math.max(contentEnd - position, 0));
    if (!isZero(padding)) throw invalidArchive(source.name, 'is padded with other than zeros', name);
    hash.update(content);
    position += chunk.length;
    if (content.length > 0) yield content;
  }
  if (hash.digest('hex') !== member.sha256) {
    throw corruptArchive(source.name, 'does not have the SHA-256 that its index gives', name);
  }
}

/** Headers, content and padding; the headers are whole in the first chunk, being shorter than a frame and than a read. */
async function* tarChunks(source: ByteSource, member: IndexedMember): AsyncGenerator<Buffer> {
  if (member.frames === undefined) {
    yield* readAhead(source, member.wire);
    return;
  }
  const reads = inOrder(frameReads(member), DEFAULT_CONCURRENCY, async ({ start, frames }) => {
    const end = frames.reduce((sum, frame) => sum + frame.wireBytes, start);
    const bytes = await source.read({ start, end });
    let at = 0;
    return Promise.all(
      frames.map(({ wireBytes, contentBytes }) => {
        at += wireBytes;
        return decompressFrame(bytes.subarray(at - wireBytes, at), contentBytes, source.name);
      }),
    );
  });
  for await (const chunks of reads) yield* chunks;
}

interface FrameRead {
  readonly start: number;
  readonly frames: { readonly wireBytes: number; readonly contentBytes: number }[];
}

function* frameReads(member: IndexedMember): Generator<FrameRead> {
  const sizes = member.frames!;
  const total = tarBytes(member);
  let start = member.wire.start;
  for (let first = 0; first < sizes.length; first += FRAMES_PER_READ) {
    const frames = sizes.slice(first, first + FRAMES_PER_READ).map((wireBytes, i) => ({
      wireBytes,
      contentBytes: Math.min(FRAME_BYTES, total - (first + i) * FRAME_BYTES),
    }));
    yield { start, frames };
    start += frames.reduce((sum, frame) => sum + frame.wireBytes, 0);
  }
}

/** The tar's own headers have to say what the index says, for readers that know no index. */
function checkHeader(headers: Buffer, member: IndexedMember, archive: string): void {
  const walk = new TarWalk(archive);
  while (walk.offset < headers.length) {
    const step = walk.feed(headers.subarray(walk.offset, walk.offset + BLOCK_BYTES));
    if (step.kind === 'more') continue;
    if (step.kind !== 'member') break;
    const { name, sizeBytes, modifiedAt, contentStart } = step.member;
    const agrees =
      name === member.name &&
      sizeBytes === member.sizeBytes &&
      modifiedAt.getTime() === member.modifiedAt.getTime() &&
      contentStart === headers.length;
    if (agrees) return;
    break;
  }
  throw invalidArchive(archive, 'has another tar header than its index says', member.name);
}
