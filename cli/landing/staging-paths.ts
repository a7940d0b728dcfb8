import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { podFileName, sandboxIdOfFileName } from '../../core/sandbox-id.ts';
import { isErrno, orFileError } from '../file-error.ts';

/**
 * What one insert keeps in the private folder until it is over. docs/design.md has the protocol.
 *
 *     lock                 held by the insert: who can take it knows that the insert is dead
 *     new/<SandboxID>.tar  the checkpoints that arrived; stays linked, so that its inode tells what came from here
 *     old/<SandboxID>.tar  second links of the files that are replaced
 *     swap/<SandboxID>.tar second links of new files, to be renamed over old ones
 *     before               the manifest as it was, when one without the replaced pods stands in between
 *     between              that one, until it is renamed into place
 *     next                 the new manifest, until it is renamed into place: that is the moment of commitment
 *     after                a second link of the new manifest, from before the target is touched until that is undone
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

  pod(which: 'new' | 'old' | 'swap', sandboxId: string): string {
    return join(this.folder(which), podFileName(sandboxId));
  }

  /** SandboxIDs of the files in `which`; none when that was never made. */
  async pods(which: 'new' | 'old'): Promise<string[]> {
    const folder = this.folder(which);
    const names = await orFileError(`Cannot read ${folder}`, async () => {
      try {
        return await readdir(folder);
      } catch (error) {
        if (isErrno(error, 'ENOENT')) return [];
        throw error;
      }
    });
    return names.map(sandboxIdOfFileName).filter((sandboxId) => sandboxId !== undefined);
  }
}
