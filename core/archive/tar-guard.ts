import { endsEarly, invalidArchive, tooShort } from './refusal.ts';
import { TarEnd } from './tar-end.ts';
import { BLOCK_BYTES, isZero } from './tar-header.ts';
import { TarWalk, type WalkedMember } from './tar-walk.ts';

/** What a reader of the tar has to meet next. */
export type GuardedEntry =
  | { readonly kind: 'root'; readonly rawName: string }
  | { readonly kind: 'member'; readonly member: WalkedMember };

/**
 * Walks a tar that comes as chunks of any size, and lets through only what is allowed: headers by {@link TarWalk}, zeros as
 * padding, after the end nothing but zeros.
 */
export class TarGuard {
  readonly #archive: string;
  readonly #walk: TarWalk;
  readonly #entries: GuardedEntry[] = [];
  /** The part of a block that the chunks so far held. */
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockBytes = 0;
  #content = 0;
  #padding = 0;
  #member: WalkedMember | undefined;
  /** Once the two zero blocks are over. */
  #end: TarEnd | undefined;

  /** @param archive its name, for messages */
  constructor(archive: string) {
    this.#archive = archive;
    this.#walk = new TarWalk(archive);
  }

  /**
   * @returns the part of `chunk` that belongs to the tar: all of it, until the two zero blocks are over
   * @throws PodfreightError `invalid-archive`
   */
  push(chunk: Buffer): Buffer {
    let at = 0;
    while (at < chunk.length && !this.#end) at += this.#step(chunk.subarray(at));
    this.#end?.push(chunk.subarray(at));
    return chunk.subarray(0, at);
  }

  /** The next entry of what was pushed so far. */
  take(): GuardedEntry | undefined {
    return this.#entries.shift();
  }

  /** To be called when there are no more chunks. @throws PodfreightError `invalid-archive` */
  finish(): void {
    if (this.#end) {
      this.#end.finish();
      return;
    }
    if (this.#walk.offset === 0) throw tooShort(this.#archive, this.#blockBytes);
    const inMember = this.#content + this.#padding > 0;
    throw endsEarly(
      this.#archive,
      inMember ? `in member ${this.#member!.name}` : 'before the two zero blocks at its end',
    );
  }

  /** @returns how many of `bytes` were dealt with */
  #step(bytes: Buffer): number {
    if (this.#content > 0) {
      const step = Math.min(this.#content, bytes.length);
      this.#content -= step;
      return step;
    }
    if (this.#padding > 0) {
      const step = Math.min(this.#padding, bytes.length);
      if (!isZero(bytes.subarray(0, step))) {
        throw invalidArchive(this.#archive, 'is padded with other than zeros', this.#member!.name);
      }
      this.#padding -= step;
      return step;
    }
    const step = Math.min(BLOCK_BYTES - this.#blockBytes, bytes.length);
    if (step === BLOCK_BYTES) {
      this.#feed(bytes.subarray(0, BLOCK_BYTES));
    } else {
      bytes.copy(this.#block, this.#blockBytes, 0, step);
      this.#blockBytes += step;
      if (this.#blockBytes === BLOCK_BYTES) {
        this.#blockBytes = 0;
        this.#feed(this.#block);
      }
    }
    return step;
  }

  #feed(block: Buffer): void {
    const step = this.#walk.feed(block);
    if (step.kind === 'end') this.#end = new TarEnd(this.#archive);
    if (step.kind === 'root') this.#entries.push(step);
    if (step.kind === 'member') {
      this.#entries.push(step);
      this.#member = step.member;
      this.#content = step.member.sizeBytes;
      this.#padding = step.member.end - step.member.contentStart - step.member.sizeBytes;
    }
  }
}
