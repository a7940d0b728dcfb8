import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Database } from './database.ts';

/** A run of bytes of one file. */
export interface Segment {
  readonly file: string;
  readonly start: number;
  readonly length: number;
}

const READ_BYTES = 1024 * 1024;

/**
 * The bytes of objects and parts, in files that are written once. Content is a list of segments, so that copies and
 * assembled objects share files. A file goes when no segment names it and nobody holds it; one that a crash left behind
 * goes at the next start. A file is whole before the index names it.
 */
export class Content {
  readonly #database: Database;
  readonly #folder: string;
  readonly #holders = new Map<string, number>();
  readonly #removals = new Set<Promise<void>>();

  constructor(database: Database, folder: string) {
    this.#database = database;
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(folder)) if (!this.#isNamed(file)) unlinkSync(join(folder, file));
  }

  /**
   * A new file that `fill` writes to. It is held until disposed of, and then removed unless the index names it by then.
   */
  create(): { readonly file: string; fill(bytes: AsyncIterable<Buffer>): Promise<void> } & Disposable {
    const file = randomUUID();
    const held = this.hold([{ file, start: 0, length: 0 }]);
    return {
      file,
      fill: (bytes) => pipeline(bytes, createWriteStream(join(this.#folder, file), { flags: 'wx' })),
      [Symbol.dispose]: () => held[Symbol.dispose](),
    };
  }

  /** Keeps the files of `segments` from being removed until disposed of. */
  hold(segments: readonly Segment[]): Disposable {
    const files = new Set(segments.map((segment) => segment.file));
    for (const file of files) this.#holders.set(file, (this.#holders.get(file) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        for (const file of files) {
          const left = this.#holders.get(file)! - 1;
          if (left > 0) this.#holders.set(file, left);
          else this.#holders.delete(file);
          this.#removeUnneeded(file);
        }
      },
    };
  }

  /** Records content made of `segments`, inside a transaction; they must be held. Empty ones are left out. */
  add(segments: readonly Segment[]): number {
    const content = this.#database.nextSequence();
    for (const [position, { file, start, length }] of segments.filter((segment) => segment.length > 0).entries()) {
      this.#database.run('INSERT INTO segment VALUES(?, ?, ?, ?, ?)', content, position, file, start, length);
    }
    return content;
  }

  /** Forgets content, inside a transaction; its files go after that when nothing else needs them. */
  remove(content: number): void {
    const files = new Set(this.segments(content).map((segment) => segment.file));
    this.#database.run('DELETE FROM segment WHERE content = ?', content);
    setImmediate(() => {
      for (const file of files) this.#removeUnneeded(file);
    });
  }

  segments(content: number): Segment[] {
    return this.#database.all('SELECT file, start, length FROM segment WHERE content = ? ORDER BY position', content);
  }

  /** The bytes of `segments`, which must be held, in chunks of at most 1 MiB. */
  async *read(segments: readonly Segment[]): AsyncGenerator<Buffer> {
    for (const { file, start, length } of segments) {
      let last: Buffer | undefined;
      {
        await using handle = await open(join(this.#folder, file), 'r');
        for (let done = 0; done < length; ) {
          const chunk = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, length - done));
          const { bytesRead } = await handle.read(chunk, 0, chunk.length, start + done);
          if (bytesRead === 0) throw new Error(`file ${file} is shorter than the index says`);
          done += bytesRead;
          last = chunk.subarray(0, bytesRead);
          if (done < length) yield last;
        }
      } // closed by now: whoever gets the last bytes waits for nothing more
      if (last !== undefined) yield last;
    }
  }

  /** Waits for files that are to be removed. */
  async settle(): Promise<void> {
    await new Promise(setImmediate);
    await Promise.all(this.#removals);
  }

  #isNamed(file: string): boolean {
    return this.#database.get('SELECT 1 FROM segment WHERE file = ? LIMIT 1', file) !== undefined;
  }

  #removeUnneeded(file: string): void {
    if (this.#holders.has(file) || this.#isNamed(file)) return;
    const removal = rm(join(this.#folder, file), { force: true }).finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }
}

/** The part `[start, end)` of what `segments` hold together. */
export function sliceSegments(segments: readonly Segment[], start: number, end: number): Segment[] {
  const slice: Segment[] = [];
  let offset = 0;
  for (const segment of segments) {
    const from = Math.max(start, offset);
    const to = Math.min(end, offset + segment.length);
    if (from < to) slice.push({ file: segment.file, start: segment.start + from - offset, length: to - from });
    offset += segment.length;
  }
  return slice;
}
