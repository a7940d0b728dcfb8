import type { FileHandle } from 'node:fs/promises';
import { Backlog } from './backlog.ts';
import { orFileError } from './file-error.ts';

/** So much is brought to disk at once while more is written: otherwise the disk would begin when everything else is over. */
const SYNC_BYTES = 64 * 1024 * 1024;

/** Writes a file that stays the caller's to close, after `settled`. */
export class FileWriter {
  readonly #handle: FileHandle;
  readonly #what: string;
  readonly #syncs = new Backlog(1);
  readonly #sync: () => Promise<void>;
  #unsyncedBytes = 0;

  /**
   * @param what begins the sentence when it fails: `Cannot write <path>`
   * @param sync brings to disk what was written
   */
  constructor(handle: FileHandle, what: string, sync = () => handle.datasync()) {
    this.#handle = handle;
    this.#what = what;
    this.#sync = sync;
  }

  /** All of `bytes`; `FileHandle.writeFile` would take half a MiB at a time. @throws PodfreightError `no-space`, `io` */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    await orFileError(this.#what, async () => {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, position + at);
        at += bytesWritten;
      }
      this.#unsyncedBytes += bytes.length;
      if (this.#unsyncedBytes < SYNC_BYTES) return;
      this.#unsyncedBytes = 0;
      await this.#syncs.add(this.#sync);
    });
  }

  /** When nothing is under way any more. @throws PodfreightError as `write` */
  async settled(): Promise<void> {
    await orFileError(this.#what, () => this.#syncs.settled());
  }
}
