import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isArchiveFileName } from '../../core/checkpoint/archive-file-name.ts';
import { isErrno, orFileError } from '../file-error.ts';

/**
 * What one insert keeps in the private folder until it is over. docs/design.md has the protocol.
 *
 *     lock                 held by the insert: who can take it knows that the insert is dead
 *     new/<file>           the checkpoints that arrived; stays linked, so that its inode tells what came from here
 *     old/<file>           second links of the files that are replaced
 *     swap/<file>          second links of new files, to be renamed over old ones
 *     before               the manifest as it was, when one without the replaced pods stands in between
 *     between              that one, until it is renamed into place
 *     next                 the new manifest, until it is renamed into place: that is the moment of commitment
 *     after                a second link of `next`, from before the target is touched until that is undone. Of container
 *                          archives, which have no manifest, an empty file: its removal is the moment of commitment
 */
export class StagingPaths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get lock(): string {
    return join(this.root, 'lock');
  }
  get before(): string {
    return join(this.root, 'before');
  }
  get between(): string {
    return join(this.root, 'between');
  }
  get next(): string {
    return join(this.root, 'next');
  }
  get after(): string {
    return join(this.root, 'after');
  }

  folder(which: 'new' | 'old' | 'swap'): string {
    return join(this.root, which);
  }

  /** @param name of a pod's file or a container archive */
  file(which: 'new' | 'old' | 'swap', name: string): string {
    return join(this.folder(which), name);
  }

  /** Names of the files in `which`; none when that was never made. */
  async names(which: 'new' | 'old'): Promise<string[]> {
    const folder = this.folder(which);
    const names = await orFileError(`Cannot read ${folder}`, async () => {
      try {
        return await readdir(folder);
      } catch (error) {
        if (isErrno(error, 'ENOENT')) return [];
        throw error;
      }
    });
    return names.filter(isArchiveFileName);
  }
}
