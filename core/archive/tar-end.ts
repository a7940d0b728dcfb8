import { decodeIndexFrame, INDEX_FIRST_BYTE, indexFrameBytes, MAX_INDEX_BYTES } from './index-frame.ts';
import { invalidArchive } from './refusal.ts';
import { isZero } from './tar-header.ts';

/** Zeros after the two zero blocks: GNU tar fills up to a record, at most 2047 blocks. */
export const MAX_END_PADDING_BYTES = 1024 * 1024;

/**
 * What follows the two zero blocks at a tar's end: zeros, and not many, or an index of ours (of a plain archive that was
 * compressed afterwards; its ranges mean nothing there).
 */
export class TarEnd {
  readonly #archive: string;
  readonly #index: Buffer[] = [];
  #bytes = 0;

  /** @param archive its name, for messages */
  constructor(archive: string) {
    this.#archive = archive;
  }

  /** @throws PodfreightError `invalid-archive` */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const isIndex = this.#bytes === 0 ? chunk[0] === INDEX_FIRST_BYTE : this.#index.length > 0;
    this.#bytes += chunk.length;
    if (isIndex) this.#index.push(Buffer.from(chunk));
    else if (!isZero(chunk)) throw this.#refuse('something else follows its end');
    const limit = isIndex ? MAX_INDEX_BYTES : MAX_END_PADDING_BYTES;
    if (this.#bytes > limit) throw this.#refuse(`more than ${limit} bytes follow its end`);
  }

  /** To be called when there are no more bytes. @throws PodfreightError `invalid-archive`, and as {@link decodeIndexFrame} */
  finish(): void {
    if (this.#index.length === 0) return;
    const frame = Buffer.concat(this.#index);
    if (indexFrameBytes(frame) !== frame.length) throw this.#refuse('something else follows its end');
    decodeIndexFrame(frame, this.#archive);
  }

  #refuse(reason: string): Error {
    return invalidArchive(this.#archive, reason);
  }
}
