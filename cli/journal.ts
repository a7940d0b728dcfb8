import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteRange } from '../core/range.ts';
import { PRIVATE_FILE } from './durable.ts';
import { orFileError } from './file-error.ts';

/** `<file> <start> <end> <CRC-32>`, after which the line ends: one cut off does not count. */
const LINE = /^([\w.:+-]+) (\d{1,16}) (\d{1,16}) ([0-9a-f]{8})$/;

/**
 * Which pieces of some files have been written. A line is written after its bytes, and may still reach the disk before
 * them, or never: a piece is there when its bytes have the CRC-32 that the line gives.
 */
export class Journal implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #crcs: Map<string, number>;

  private constructor(path: string, handle: FileHandle, crcs: Map<string, number>) {
    this.#path = path;
    this.#handle = handle;
    this.#crcs = crcs;
  }

  static async open(path: string): Promise<Journal> {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
    return await orFileError(`Cannot open ${path}`, async () => {
      const handle = await open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_RDWR, PRIVATE_FILE);
      const lines = (await handle.readFile('latin1')).split('\n');
      if (lines.pop() !== '') await handle.write('\n');
      const crcs = new Map<string, number>();
      for (const line of lines) {
        const [, file, start, end, crc] = LINE.exec(line) ?? [];
        if (crc !== undefined) crcs.set(`${file} ${start} ${end}`, Number.parseInt(crc, 16));
      }
      return new Journal(path, handle, crcs);
    });
  }

  /** The CRC-32 that the piece had; undefined when it was not written. */
  crc(file: string, range: ByteRange): number | undefined {
    return this.#crcs.get(key(file, range));
  }

  /** @param file letters, digits, `.`, `-`, `_`, `:` and `+` */
  async add(file: string, range: ByteRange, crc: number): Promise<void> {
    const line = `${key(file, range)} ${crc.toString(16).padStart(8, '0')}\n`;
    await orFileError(`Cannot write ${this.#path}`, () => this.#handle.write(line));
    this.#crcs.set(key(file, range), crc);
  }

  forget(file: string, range: ByteRange): void {
    this.#crcs.delete(key(file, range));
  }

  async sync(): Promise<void> {
    await orFileError(`Cannot write ${this.#path}`, () => this.#handle.datasync());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

function key(file: string, { start, end }: ByteRange): string {
  return `${file} ${start} ${end}`;
}
