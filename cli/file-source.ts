import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PodfreightError } from '../core/errors.ts';
import type { ByteSource } from '../core/ports.ts';
import type { ByteRange } from '../core/range.ts';
import { orFileError } from './file-error.ts';

const CHUNK_BYTES = 1024 * 1024;

const freshChunk = (): Buffer => Buffer.allocUnsafeSlow(CHUNK_BYTES);

interface FileVersion {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** A regular file, held open: whoever replaces it under its name does not disturb the reading. */
export class FileSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  readonly #handle: FileHandle;
  readonly #version: FileVersion;

  private constructor(name: string, handle: FileHandle, version: FileVersion) {
    this.name = name;
    this.sizeBytes = Number(version.size);
    this.modifiedAt = new Date(Number(version.mtimeNs / 1_000_000n));
    this.#handle = handle;
    this.#version = version;
  }

  /**
   * @param links `refuse` when `path` must not be a symbolic link; links among its directories are always followed
   * @throws PodfreightError `not-found`, `access-denied`, `unsupported` (a directory, device, pipe or refused link), `io`
   */
  static async open(path: string, links: 'follow' | 'refuse'): Promise<FileSource> {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants; // O_NONBLOCK: opening a pipe must not wait for a writer
    const flags = O_RDONLY | O_NONBLOCK | (links === 'refuse' ? O_NOFOLLOW : 0);
    const handle = await orFileError(`Cannot open ${path}`, () => open(path, flags));
    try {
      return await FileSource.of(handle, path);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * A file that is open already, which `close` closes.
   * @param name what messages call it
   * @throws PodfreightError `unsupported`
   */
  static async of(handle: FileHandle, name: string): Promise<FileSource> {
    const version = await handle.stat({ bigint: true });
    if (version.isFile()) return new FileSource(name, handle, version);
    const what = version.isDirectory() ? 'is a directory' : 'not a regular file';
    throw new PodfreightError('unsupported', `Cannot open ${name}: ${what}.`, { subject: { path: name } });
  }

  async read(range: ByteRange, into?: Buffer): Promise<Buffer> {
    const length = range.end - range.start;
    const bytes = into?.subarray(0, length) ?? Buffer.allocUnsafe(length);
    await this.#fill(bytes, range.start);
    await this.#checkUnchanged();
    return bytes;
  }

  /** @param memory gives the place for the next bytes: then each chunk is that, or the beginning of the last */
  async *stream(range: ByteRange, memory = freshChunk): AsyncGenerator<Buffer> {
    for (let at = range.start; at < range.end; ) {
      const chunk = memory().subarray(0, range.end - at);
      await this.#fill(chunk, at);
      at += chunk.length;
      yield chunk;
    }
    await this.#checkUnchanged();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #fill(bytes: Buffer, start: number): Promise<void> {
    await orFileError(`Cannot read ${this.name}`, async () => {
      for (let filled = 0; filled < bytes.length; ) {
        const { bytesRead } = await this.#handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) throw this.#changed();
        filled += bytesRead;
      }
    });
  }

  async #checkUnchanged(): Promise<void> {
    const now = await this.#handle.stat({ bigint: true });
    const { ino, size, mtimeNs } = this.#version;
    if (now.ino !== ino || now.size !== size || now.mtimeNs !== mtimeNs) throw this.#changed();
  }

  #changed(): PodfreightError {
    return new PodfreightError('source-changed', `${this.name} changed while it was read; try again.`, {
      subject: { path: this.name },
    });
  }
}
