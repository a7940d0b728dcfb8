import { type FSWatcher, watch } from 'node:fs';

/** The kernel's word that something in a directory changes. It may fail or be lost: sweeps do not depend on it. */
export class Watcher implements Disposable {
  readonly #directory: string;
  readonly #onChange: () => void;
  #watcher: FSWatcher | undefined;

  constructor(directory: string, onChange: () => void) {
    this.#directory = directory;
    this.#onChange = onChange;
  }

  /** Begins, or begins again after a failure. @returns whether it watches */
  begin(): boolean {
    if (this.#watcher !== undefined) return true;
    try {
      const watcher = watch(this.#directory, { persistent: false }, (event, name) => {
        if (event === 'rename' && name === null) this.#end(); // the directory itself is gone
        this.#onChange();
      });
      watcher.on('error', () => this.#end());
      this.#watcher = watcher;
    } catch {
      return false;
    }
    return true;
  }

  /** A directory that was replaced under its name has to be watched anew. */
  [Symbol.dispose](): void {
    this.#end();
  }

  #end(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
