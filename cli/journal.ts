import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteRange } from '../core/range.ts';
import { PRIVATE_FILE } from './durable.ts';
import { orFileError } from './file-error.ts';
import { KeptPieces } from './kept-pieces.ts';

/** `<file> <start> <end> <CRC-32>`, after which the line ends: one cut off does not count. */
const LINE = /^([\w.:+-]+) (\d{1,16}) (\d{1,16}) ([0-9a-f]{8})$/;

/**
 * Which pieces of some files have been written. A line is written after its bytes, and may still reach the disk before
 * them, or never: a piece is there when its bytes have the CRC-32 that the line gives.
 */
export class Journal implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #files = new Map<string, KeptPieces>();

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  static async open(path: string): Promise<Journal> {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
    return await orFileError(`Cannot open ${path}`, async () => {
      const handle = await open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_RDWR, PRIVATE_FILE);
      const lines = (await handle.readFile('latin1')).split('\n');
      if (lines.pop() !== '') await handle.write('\n');
      const journal = new Journal(path, handle);
      for (const line of lines) {
        const [, file, start, end, crc] = LINE.exec(line) ?? [];
        if (file === undefined) continue;
        const piece = { start: Number(start), end: Number(end), crc: Number.parseInt(crc!, 16), isProven: false };
        journal.pieces(file).add(piece);
      }
      return journal;
    });
  }

  /** What was written of the file. */
  pieces(file: string): KeptPieces {
    let pieces = this.#files.get(file);
    if (pieces === undefined) {
      pieces = new KeptPieces();
      this.#files.set(file, pieces);
    }
    return pieces;
  }

  /**
   * Another piece, which was just written.
   * @param file letters, digits, `.`, `-`, `_`, `:` and `+`
   */
  async add(file: string, { start, end }: ByteRange, crc: number): Promise<void> {
    const line = `${file} ${start} ${end} ${crc.toString(16).padStart(8, '0')}\n`;
    await orFileError(`Cannot write ${this.#path}`, () => this.#handle.write(line));
    this.pieces(file).add({ start, end, crc, isProven: true });
  }

  async sync(): Promise<void> {
    await orFileError(`Cannot write ${this.#path}`, () => this.#handle.datasync());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
