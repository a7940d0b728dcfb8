import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { type ByteRange, cutRange, rangeLength } from '../core/range.ts';
import { PRIVATE_FILE, syncDirectory } from './durable.ts';
import { isErrno, orFileError } from './file-error.ts';
import { FileWriter } from './file-writer.ts';
import type { Journal } from './journal.ts';
import type { KeptPieces, Piece } from './kept-pieces.ts';

/** A piece that is more than what is asked for is looked through in steps. */
const STEP_BYTES = 1024 * 1024;

/** One file of a `Partial`. */
export class PartialFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly #name: string;
  readonly #journal: Journal;
  readonly #writer: FileWriter;
  #isOpen = true;

  private constructor(path: string, name: string, handle: FileHandle, journal: Journal) {
    this.path = path;
    this.handle = handle;
    this.#name = name;
    this.#journal = journal;
    this.#writer = new FileWriter(handle, `Cannot write ${path}`, async () => {
      await handle.datasync();
      await syncDirectory(dirname(path));
      await journal.sync();
    });
  }

  static async open(path: string, name: string, journal: Journal): Promise<PartialFile> {
    const handle = await orFileError(`Cannot open ${path}`, async () => {
      const there = await openAlone(path);
      if (there !== undefined) return there;
      const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
      return await open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, PRIVATE_FILE);
    });
    return new PartialFile(path, name, handle, journal);
  }

  /** Whether all of it is there, as this process has written or read it: no power cut can have taken it since. */
  isProven(range: ByteRange): boolean {
    return this.#pieces.has(range, (piece) => piece.isProven);
  }

  /** The bytes, if all are there as they were written. */
  async read(range: ByteRange): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafeSlow(rangeLength(range));
    return (await this.fill(range, bytes)).length === 0 ? bytes : undefined;
  }

  /**
   * Puts what is there of `range` in its place in `bytes`. Pieces that are no longer as they were written are forgotten.
   * @returns what is missing, in order
   */
  async fill(range: ByteRange, bytes: Buffer): Promise<ByteRange[]> {
    const missing: ByteRange[] = [];
    for (const { start, end, piece } of [...this.#pieces.stretches(range)]) {
      const place = bytes.subarray(start - range.start, end - range.start);
      if (piece === undefined || !(await this.#take(start, place, piece))) missing.push({ start, end });
    }
    return missing;
  }

  /** A piece, which is remembered. */
  async write(bytes: Buffer, start: number): Promise<void> {
    const written = this.#writer.write(bytes, start);
    const crc = crc32(bytes); // meanwhile
    await written;
    await this.#journal.add(this.#name, { start, end: start + bytes.length }, crc);
  }

  async #take(start: number, place: Buffer, piece: Piece): Promise<boolean> {
    const isWhole = place.length === rangeLength(piece);
    const isRead = await this.#readAt(start, place);
    if (isRead && !piece.isProven) {
      piece.isProven = (isWhole ? crc32(place) : await this.#crcOf(piece)) === piece.crc;
    }
    if (isRead && piece.isProven) return true;
    this.#pieces.forget(piece);
    return false;
  }

  /** Undefined when the file ends before. */
  async #crcOf(piece: Piece): Promise<number | undefined> {
    const memory = Buffer.allocUnsafe(Math.min(STEP_BYTES, rangeLength(piece)));
    let crc = 0;
    for (const step of cutRange(piece, memory.length)) {
      const bytes = memory.subarray(0, rangeLength(step));
      if (!(await this.#readAt(step.start, bytes))) return undefined;
      crc = crc32(bytes, crc);
    }
    return crc;
  }

  /** @returns false when the file ends before */
  async #readAt(start: number, bytes: Buffer): Promise<boolean> {
    return await orFileError(`Cannot read ${this.path}`, async () => {
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await this.handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) return false;
        at += bytesRead;
      }
      return true;
    });
  }

  get #pieces(): KeptPieces {
    return this.#journal.pieces(this.#name);
  }

  /** Gives it its time, if it is to have one, brings it to disk and closes it. */
  async sync(modifiedAt?: Date): Promise<void> {
    await this.#writer.settled();
    await orFileError(`Cannot write ${this.path}`, async () => {
      if (modifiedAt !== undefined) await this.handle.utimes(modifiedAt, modifiedAt);
      await this.handle.sync();
    });
    await this.close();
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#writer.settled().catch(() => {});
    await this.handle.close();
  }
}

/** The file, unless it is missing, or also has a name elsewhere: then it may be in use, and is let go of. */
async function openAlone(path: string): Promise<FileHandle | undefined> {
  const { O_NOFOLLOW, O_RDWR } = constants;
  let handle: FileHandle;
  try {
    handle = await open(path, O_NOFOLLOW | O_RDWR);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  const stats = await handle.stat();
  if (stats.isFile() && stats.nlink === 1) return handle;
  await handle.close();
  await unlink(path);
  return undefined;
}
