import { type FSWatcher, statSync, watch } from 'node:fs';

/**
 * The kernel's word that something in a directory changes. It may fail or be lost, as where more happens than the kernel keeps:
 * sweeps do not depend on it.
 */
export class Watcher implements Disposable {
  readonly #directory: string;
  readonly #onChange: () => void;
  #watched: { readonly watcher: FSWatcher; readonly inode: string } | undefined;

  constructor(directory: string, onChange: () => void) {
    this.#directory = directory;
    this.#onChange = onChange;
  }

  /**
   * Begins, or begins anew after a failure or with another directory of that name.
   * @returns why it does not watch, as the system says; undefined when it does
   */
  begin(): NodeJS.ErrnoException | undefined {
    try {
      const inode = inodeOf(this.#directory);
      if (this.#watched?.inode === inode) return undefined;
      this[Symbol.dispose]();
      const watcher = watch(this.#directory, { persistent: false }, () => this.#onChange());
      watcher.on('error', () => this[Symbol.dispose]());
      this.#watched = { watcher, inode };
      return undefined;
    } catch (error) {
      this[Symbol.dispose]();
      return error as NodeJS.ErrnoException;
    }
  }

  [Symbol.dispose](): void {
    this.#watched?.watcher.close();
    this.#watched = undefined;
  }
}

function inodeOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}
