import type { ByteSource } from '../ports.ts';
import { ChunkReader } from './chunk-reader.ts';
import { decode } from './decode.ts';
import type { ArchiveFormat } from './format.ts';
import { type ForeignMember, HeaderWalk } from './header-walk.ts';
import { rangeSource } from './range-source.ts';
import { READ_BYTES, readAhead } from './read-ahead.ts';
import { endsEarly, quoteName, tooShort } from './refusal.ts';
import { SNIFF_BYTES, sniff } from './sniff.ts';
import { BLOCK_BYTES } from './tar-header.ts';

/** Bytes that come once and in order. */
export interface ByteStream {
  /** For messages. */
  readonly name: string;
  readonly chunks: AsyncIterable<Buffer>;
}

export type ByteInput = ByteSource | ByteStream;

/** What a tar is made of, in order. */
export type TarPart =
  | { readonly kind: 'member'; readonly member: ForeignMember; readonly content: MemberContent }
  | { readonly kind: 'end'; readonly extent: TarExtent };

/** How a tar lies there and where it ends. Offsets are of the uncompressed tar. */
export interface TarExtent {
  readonly format: ArchiveFormat;
  /** After the two zero blocks. */
  readonly endsAt: number;
  /** What follows them: zeros that a writer filled up with, or what a longer file left that lay there before. */
  readonly tailBytes: number;
}

/** To be used before the next part is asked for, and once. */
export interface MemberContent {
  /** To look inside. Of a stream, what is left is passed over. */
  readonly input: ByteInput;
  /** As it comes. @throws PodfreightError `invalid-archive` when it ends early, and what the input throws */
  data(): AsyncIterable<Buffer>;
  /** All of it in memory: look at the size first. @throws as `data` */
  bytes(): Promise<Buffer>;
}

/**
 * The parts of a tar whose members are only looked at, plain or in zstd or gzip: members of any kind by {@link HeaderWalk},
 * and at last, if it is whole, where it ends. Of a plain tar in a source the headers alone are read, and the contents asked
 * for: give it a {@link ReadWindow}. Everything else is one pass in bounded memory, to the very last byte. Padding is not
 * looked at.
 * @throws PodfreightError `invalid-archive`, `corrupt-archive`, `unsupported`, and what the input throws
 */
export async function* tarParts(input: ByteInput): AsyncGenerator<TarPart> {
  if ('chunks' in input) {
    const chunks = new ChunkReader(input.chunks);
    try {
      const format = sniff(await chunks.peek(SNIFF_BYTES), input.name);
      yield* streamParts(chunks.pieces(Infinity), format, input.name);
    } finally {
      await chunks.close();
    }
    return;
  }
  const format = sniff(await input.read({ start: 0, end: Math.min(SNIFF_BYTES, input.sizeBytes) }), input.name);
  if (format === 'tar') yield* sourceParts(input);
  else yield* streamParts(fromStart(input), format, input.name);
}

/**
 * The parts of a plain tar that comes as a stream: as {@link tarParts}, and refusing what is compressed. For whom nothing may follow
 * its end: `tailBytes` counts no more than the first that do, and the rest is not asked for.
 */
export function plainTarParts({ chunks, name }: ByteStream): AsyncGenerator<TarPart> {
  return streamParts(chunks, 'tar', name, 1);
}

async function* sourceParts(source: ByteSource): AsyncGenerator<TarPart> {
  const { name: archive, sizeBytes } = source;
  const walk = new HeaderWalk(archive);
  for (;;) {
    const start = walk.offset;
    if (start + BLOCK_BYTES > sizeBytes) throw endsEarly(archive, BEFORE_END);
    const step = walk.feed(await source.read({ start, end: start + BLOCK_BYTES }));
    if (step.kind === 'end') break;
    if (step.kind === 'more') continue;
    const { member } = step;
    if (member.end > sizeBytes) throw endsEarly(archive, `in member ${quoteName(member.name)}`);
    const range = { start: member.contentStart, end: member.contentStart + member.sizeBytes };
    const content = {
      input: rangeSource(source, range, nameInside(archive, member)),
      data: () => source.stream(range),
      bytes: () => source.read(range),
    };
    yield { kind: 'member', member, content };
  }
  yield { kind: 'end', extent: { format: 'tar', endsAt: walk.offset, tailBytes: sizeBytes - walk.offset } };
}

async function* streamParts(
  bytes: AsyncIterable<Buffer>,
  format: ArchiveFormat,
  archive: string,
  tailBytesMax = Infinity,
): AsyncGenerator<TarPart> {
  const walk = new HeaderWalk(archive);
  const chunks = new ChunkReader(decode(bytes, format, archive));
  try {
    for (;;) {
      const block = await chunks.take(BLOCK_BYTES);
      if (block.length < BLOCK_BYTES) {
        throw walk.offset === 0 ? tooShort(archive, block.length) : endsEarly(archive, BEFORE_END);
      }
      const step = walk.feed(block);
      if (step.kind === 'end') break;
      if (step.kind === 'more') continue;
      const { member } = step;
      const content = new StreamedContent(chunks, member, archive);
      yield { kind: 'member', member, content };
      await content.finish();
    }
    let tailBytes = 0;
    for await (const piece of chunks.pieces(tailBytesMax)) tailBytes += piece.length;
    yield { kind: 'end', extent: { format, endsAt: walk.offset, tailBytes } };
  } finally {
    await chunks.close();
  }
}

class StreamedContent implements MemberContent {
  readonly input: ByteStream;
  readonly #given: AsyncGenerator<Buffer>;
  readonly #chunks: ChunkReader;
  readonly #member: ForeignMember;
  readonly #archive: string;
  #missing: number;

  constructor(chunks: ChunkReader, member: ForeignMember, archive: string) {
    this.#chunks = chunks;
    this.#member = member;
    this.#archive = archive;
    this.#missing = member.sizeBytes;
    this.#given = this.#read();
    this.input = { name: nameInside(archive, member), chunks: this.#given };
  }

  data(): AsyncIterable<Buffer> {
    return this.#given;
  }

  async bytes(): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(this.#given));
  }

  /** Passes over what is left of content and padding. */
  async finish(): Promise<void> {
    // Waits for a read that whoever had it left under way, and lets no other follow.
    await this.#given.return(undefined);
    for await (const _ of this.#read());
    let padding = this.#member.end - this.#member.contentStart - this.#member.sizeBytes;
    for await (const piece of this.#chunks.pieces(padding)) padding -= piece.length;
    if (padding > 0) throw this.#endsEarly();
  }

  async *#read(): AsyncGenerator<Buffer> {
    for await (const piece of this.#chunks.pieces(this.#missing)) {
      this.#missing -= piece.length;
      yield piece;
    }
    if (this.#missing > 0) throw this.#endsEarly();
  }

  #endsEarly(): Error {
    return endsEarly(this.#archive, `in member ${quoteName(this.#member.name)}`);
  }
}

const BEFORE_END = 'before the two zero blocks at its end';

function nameInside(archive: string, { name }: ForeignMember): string {
  return `${archive}: ${quoteName(name)}`;
}

/** A whole source in order: small reads first, in case that the beginning is enough. */
async function* fromStart(source: ByteSource): AsyncGenerator<Buffer> {
  let start = 0;
  for (let length = 64 * 1024; length < READ_BYTES && start < source.sizeBytes; length *= 2) {
    const end = Math.min(start + length, source.sizeBytes);
    yield await source.read({ start, end });
    start = end;
  }
  yield* readAhead(source, { start, end: source.sizeBytes });
}
