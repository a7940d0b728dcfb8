import { PodfreightError } from '../errors.ts';
import { invalidArchive } from './refusal.ts';

/** @see RFC 8878, section 3.1 */
export const ZSTD_MAGIC = 0xfd2fb528;
/** Sixteen magic numbers, the last four bits are the writer's. @see RFC 8878, section 3.1.2 */
const SKIPPABLE_MAGIC_MIN = 0x184d2a50;
const SKIPPABLE_MAGIC_MAX = 0x184d2a5f;
const MAGIC_BYTES = 4;
export const SKIPPABLE_HEADER_BYTES = 8;

/** The largest window that is decoded, as the zstd command line's own limit: what a decoder has to keep in memory. */
export const MAX_WINDOW_LOG = 27;

const BLOCK_HEADER_BYTES = 3;
const MAX_BLOCK_BYTES = 128 * 1024;
const CHECKSUM_BYTES = 4;
/** Magic, descriptor, window, dictionary ID, content size. */
const MAX_FRAME_HEADER_BYTES = 18;

const DICTIONARY_ID_BYTES = [0, 1, 2, 4];

type State = 'magic' | 'skippable-size' | 'descriptor' | 'header' | 'block-header' | 'body' | 'done';

/**
 * Finds where one frame ends, by its headers alone: `push` chunks until `done`. Nothing is decoded.
 * @see RFC 8878, section 3.1.1
 */
export class FrameWalk {
  kind: 'zstd' | 'skippable' | undefined;
  /** Known once the frame's header has been seen, and only when the header states it. */
  contentBytes: number | undefined;
  /** True once the header of a zstd frame has been seen whole. */
  headerSeen = false;

  readonly #archive: string;
  readonly #field = Buffer.alloc(MAX_FRAME_HEADER_BYTES);
  #state: State = 'magic';
  #have = 0;
  #wanted = MAGIC_BYTES;
  /** Bytes to pass over, and what comes after them. */
  #skip = 0;
  #afterSkip: State = 'done';
  #checksum = false;

  /** @param archive its name, for messages */
  constructor(archive: string) {
    this.#archive = archive;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /**
   * Walks on through `chunk` from `start`.
   * @returns where in `chunk` the frame ends, or the chunk's length when it goes on
   * @throws PodfreightError `invalid-archive` where no frame is, `unsupported` for one that is not decoded here
   */
  push(chunk: Buffer, start = 0): number {
    let at = start;
    while (at < chunk.length && !this.done) {
      if (this.#state === 'body') {
        const step = Math.min(this.#skip, chunk.length - at);
        at += step;
        this.#pass(this.#skip - step, this.#afterSkip);
      } else {
        const step = Math.min(this.#wanted - this.#have, chunk.length - at);
        chunk.copy(this.#field, this.#have, at, at + step);
        at += step;
        this.#have += step;
        if (this.#have === this.#wanted) this.#readField();
      }
    }
    return at;
  }

  #readField(): void {
    switch (this.#state) {
      case 'magic':
        this.#readMagic();
        break;
      case 'skippable-size':
        this.#pass(this.#field.readUInt32LE(MAGIC_BYTES), 'done');
        break;
      case 'descriptor':
        this.#readDescriptor();
        break;
      case 'header':
        this.#readHeader();
        break;
      case 'block-header':
        this.#readBlockHeader();
        break;
    }
  }

  #readMagic(): void {
    const magic = this.#field.readUInt32LE(0);
    if (magic === ZSTD_MAGIC) {
      this.kind = 'zstd';
      this.#want('descriptor', MAGIC_BYTES + 1);
    } else if (magic >= SKIPPABLE_MAGIC_MIN && magic <= SKIPPABLE_MAGIC_MAX) {
      this.kind = 'skippable';
      this.#want('skippable-size', SKIPPABLE_HEADER_BYTES);
    } else {
      throw invalidArchive(this.#archive, 'something that is no zstd frame follows its zstd frames');
    }
  }

  #readDescriptor(): void {
    const descriptor = this.#field[MAGIC_BYTES]!;
    if (descriptor & 0b1000) throw invalidArchive(this.#archive, 'a zstd frame uses a reserved bit');
    const { windowBytes, dictionaryBytes, contentSizeBytes } = fieldSizes(descriptor);
    this.#checksum = (descriptor & 0b100) !== 0;
    const header = MAGIC_BYTES + 1 + windowBytes + dictionaryBytes + contentSizeBytes;
    if (header > this.#have) this.#want('header', header);
    else this.#readHeader();
  }

  #readHeader(): void {
    const { windowBytes, dictionaryBytes, contentSizeBytes } = fieldSizes(this.#field[MAGIC_BYTES]!);
    let at = MAGIC_BYTES + 1;
    const windowDescriptor = windowBytes === 1 ? this.#field[at]! : undefined;
    at += windowBytes;
    if (this.#field.subarray(at, at + dictionaryBytes).some((byte) => byte !== 0)) {
      throw this.#unsupported('uses a zstd dictionary');
    }
    at += dictionaryBytes;
    this.contentBytes = contentSize(this.#field.subarray(at, at + contentSizeBytes));
    const window = windowDescriptor === undefined ? (this.contentBytes ?? 0) : windowSize(windowDescriptor);
    if (window > 2 ** MAX_WINDOW_LOG) throw this.#unsupported('needs a zstd window of more than 128 MiB');
    this.headerSeen = true;
    this.#want('block-header', BLOCK_HEADER_BYTES, 0);
  }

  #readBlockHeader(): void {
    const header = this.#field.readUIntLE(0, BLOCK_HEADER_BYTES);
    const isLast = (header & 1) === 1;
    const type = (header >> 1) & 0b11;
    const size = header >> 3;
    if (type === 3 || size > MAX_BLOCK_BYTES) throw invalidArchive(this.#archive, 'a zstd frame has a broken block');
    const bodyBytes = type === 1 ? 1 : size;
    if (isLast) this.#pass(bodyBytes + (this.#checksum ? CHECKSUM_BYTES : 0), 'done');
    else this.#pass(bodyBytes, 'block-header');
  }

  #want(state: State, wanted: number, have = this.#have): void {
    this.#state = state;
    this.#wanted = wanted;
    this.#have = have;
  }

  #pass(bytes: number, then: State): void {
    this.#skip = bytes;
    this.#afterSkip = then;
    if (bytes > 0) this.#state = 'body';
    else if (then === 'block-header') this.#want(then, BLOCK_HEADER_BYTES, 0);
    else this.#state = then;
  }

  #unsupported(reason: string): PodfreightError {
    return new PodfreightError(
      'unsupported',
      `The archive ${this.#archive} ${reason}; compress it again with "zstd -d" and plain "zstd".`,
      { subject: { archive: this.#archive, reason } },
    );
  }
}

/** Lengths of the fields after the descriptor. */
function fieldSizes(descriptor: number): { windowBytes: number; dictionaryBytes: number; contentSizeBytes: number } {
  const singleSegment = (descriptor & 0b100000) !== 0;
  const sizeFlag = descriptor >> 6;
  return {
    windowBytes: singleSegment ? 0 : 1,
    dictionaryBytes: DICTIONARY_ID_BYTES[descriptor & 0b11]!,
    contentSizeBytes: sizeFlag === 0 ? (singleSegment ? 1 : 0) : 2 ** sizeFlag,
  };
}

function contentSize(field: Buffer): number | undefined {
  switch (field.length) {
    case 0:
      return undefined;
    case 1:
      return field[0];
    case 2:
      return field.readUInt16LE() + 256;
    case 4:
      return field.readUInt32LE();
    default:
      // Beyond 2^53 this is no longer exact, and then no content can be that long.
      return Number(field.readBigUInt64LE());
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 0b111);
}
