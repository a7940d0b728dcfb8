import { type ByteSource, LOCAL_PACE } from '../ports.ts';
import { type ByteRange, rangeLength } from '../range.ts';
import { ahead } from './ahead.ts';
import { BufferPool, release } from './buffer-pool.ts';
import { decompressFrame } from './frame.ts';
import { contentOf, type Frame, type FrameRun, framesOf, runsOf } from './frame-run.ts';
import { type Digests, HASHING_HERE, type Hashing } from './hashing.ts';
import { DEFAULT_CONCURRENCY, inOrder } from './in-order.ts';
import type { IndexedMember } from './member.ts';
import { windowOf } from './read-ahead.ts';
import { corruptArchive, invalidArchive } from './refusal.ts';
import { BLOCK_BYTES, isZero } from './tar-header.ts';
import { TarWalk } from './tar-walk.ts';

/** Parts of members' contents, by the members' names, which an earlier reading has left: they are not fetched again. */
export interface KeptContent {
  has(name: string, content: ByteRange): boolean;
  /** Memory of its own; undefined when it is no longer what it was: then it is fetched, and `has` says no. */
  read(name: string, content: ByteRange): Promise<Buffer | undefined>;
}

export interface ReadOptions {
  /** Each chunk is good only until the next one is asked for: its memory is used again. */
  readonly fleeting?: boolean | undefined;
  readonly kept?: KeptContent | undefined;
  /**
   * Of plain members of a local source. Frames are decoded into memory of their own, and hashed where that is done; and no
   * line brings more than one thread can hash.
   */
  readonly hashing?: Hashing | undefined;
}

export interface MemberChunk {
  readonly member: IndexedMember;
  /** Of the content; may be empty. */
  readonly bytes: Buffer;
  /** The member's last: its digest was right. */
  readonly isLast: boolean;
}

/**
 * The contents of members, found by the index alone, one after the other as chunks in order. Neighbours are fetched by one
 * read, several reads are under way as the source likes it, frames are decoded side by side. A member's content is as it was
 * written only when its last chunk has come: the digest is checked last.
 * @throws PodfreightError `corrupt-archive`, `invalid-archive` when the tar differs from the index, and as {@link ByteSource}
 */
export async function* memberChunks(
  source: ByteSource,
  members: Iterable<IndexedMember>,
  { fleeting = false, kept, hashing: wanted = HASHING_HERE }: ReadOptions = {},
): AsyncGenerator<MemberChunk> {
  const hashing = source.pace === undefined ? wanted : HASHING_HERE;
  const frames = ahead(checked(decoded(source, members, { kept, hashing }), { archive: source.name, hashing }));
  for await (const { member, bytes, isLast, done } of frames) {
    yield { member, bytes, isLast };
    if (fleeting) done();
  }
}

/** The content of one member. @throws as {@link memberChunks} */
export async function* memberData(source: ByteSource, member: IndexedMember): AsyncGenerator<Buffer> {
  for await (const { bytes } of memberChunks(source, [member])) if (bytes.length > 0) yield bytes;
}

interface DecodedFrame {
  readonly frame: Frame;
  /** Its tar bytes; when it was kept, only its content. */
  readonly bytes: Buffer;
  readonly isKept: boolean;
  /** Its memory may be used again. */
  done(): void;
}

async function* decoded(
  source: ByteSource,
  members: Iterable<IndexedMember>,
  { kept, hashing }: { readonly kept: KeptContent | undefined; readonly hashing: Hashing },
): AsyncGenerator<DecodedFrame> {
  const pace = source.pace ?? LOCAL_PACE;
  const { readBytes } = pace;
  const pool = new BufferPool(readBytes, hashing.memory);
  const isKept = (frame: Frame) => kept?.has(frame.member.name, contentOf(frame)) ?? false;

  const fetch = async (frames: readonly Frame[], wire: ByteRange): Promise<Piece[]> => {
    const memory = pool.take(rangeLength(wire));
    const bytes = await source.read(wire, memory);
    let left = frames.length;
    const done = () => {
      left--;
      if (left === 0) pool.give(memory);
    };
    return frames.map((frame) => {
      const { start, end } = frame.wire;
      return { frame, wire: bytes.subarray(start - wire.start, end - wire.start), done };
    });
  };
  const take = async ({ frames, wire, isAlone }: FrameRun): Promise<Piece[]> => {
    if (!isAlone) return fetch(frames, wire);
    const frame = frames[0]!;
    const content = await kept!.read(frame.member.name, contentOf(frame));
    return content === undefined ? fetch(frames, wire) : [{ frame, content, done: () => release(content) }];
  };
  const decode = async (piece: Piece): Promise<DecodedFrame> => {
    const { frame, done } = piece;
    if ('content' in piece) return { frame, bytes: piece.content, isKept: true, done };
    if (frame.member.frames === undefined) return { frame, bytes: piece.wire, isKept: false, done };
    const bytes = await decompressFrame(piece.wire, rangeLength(frame.tar), source.name);
    done();
    return { frame, bytes, isKept: false, done: () => release(bytes) };
  };

  const runs = runsOf(allFrames(members), readBytes, isKept);
  const weigh = ({ frames, wire, isAlone }: FrameRun) => rangeLength(isAlone ? frames[0]!.tar : wire);
  const window = windowOf(pace, weigh);
  const isWork = (piece: Piece) => 'wire' in piece && piece.frame.member.frames !== undefined;
  const coders = { size: DEFAULT_CONCURRENCY, weigh: (piece: Piece) => (isWork(piece) ? 1 : DEFAULT_CONCURRENCY) };
  yield* inOrder(each(inOrder(runs, window, take)), coders, decode);
}

/** A frame that is about to be decoded, or its content as it was kept. */
type Piece = { readonly frame: Frame; done(): void } & ({ readonly wire: Buffer } | { readonly content: Buffer });

function* allFrames(members: Iterable<IndexedMember>): Generator<Frame> {
  for (const member of members) yield* framesOf(member);
}

async function* each<Item>(lists: AsyncIterable<readonly Item[]>): AsyncGenerator<Item> {
  for await (const list of lists) yield* list;
}

/** The frames' contents, once headers, padding and, of a member's last, the digest have proved right. */
async function* checked(
  frames: AsyncIterable<DecodedFrame>,
  { archive, hashing }: { readonly archive: string; readonly hashing: Hashing },
): AsyncGenerator<MemberChunk & Pick<DecodedFrame, 'done'>> {
  let digests: Digests | undefined;
  let before: Promise<void> | undefined;
  for await (const { frame, bytes, isKept, done } of frames) {
    const { member, isLast } = frame;
    const content = isKept ? bytes : checkedContent(frame, bytes, archive);
    digests ??= (member.frames === undefined ? hashing : HASHING_HERE).digests(member.sizeBytes);
    const hashed = digests.update(content);
    hashed.catch(() => {}); // its failure is also that of what follows
    if (isLast) {
      if ((await digests.sha256()) !== member.sha256) {
        throw corruptArchive(archive, 'does not have the SHA-256 that its index gives', member.name);
      }
      digests = undefined;
    }
    await before; // so that hashing does not fall behind
    before = hashed;
    yield { member, bytes: content, isLast, done: () => void hashed.then(done, () => {}) };
  }
}

function checkedContent(frame: Frame, bytes: Buffer, archive: string): Buffer {
  const { member, tar } = frame;
  const { headerBytes, sizeBytes } = member;
  const start = Math.max(headerBytes - tar.start, 0);
  const end = Math.max(headerBytes + sizeBytes - tar.start, 0);
  // Headers are whole in the first frame, being shorter than that.
  if (tar.start === 0) checkHeader(bytes.subarray(0, headerBytes), member, archive);
  if (!isZero(bytes.subarray(end))) throw invalidArchive(archive, 'is padded with other than zeros', member.name);
  return bytes.subarray(start, end);
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
