import { basename, dirname, join } from 'node:path';
import type { Call } from './trap.ts';

/** Holds nothing, and need not last. */
const LOCK = 'lock';

/** A change of a directory that a power cut may undo as long as the directory is not synced. */
type Pending = 'added' | 'removed';

/**
 * Files and directories as the calls of one process make them, and what of it is not on disk yet. A file system may bring
 * unsynced changes to disk in any order, or never; so what one step relies on must be synced before it.
 */
class Disk {
  readonly #inodes = new Map<string, number>();
  readonly #unsynced = new Set<number>();
  readonly #synced = new Set<number>();
  readonly #pending = new Map<string, Pending>();
  readonly #syncedDirectories = new Set<string>();
  #next = 0;

  /** The file's bytes were changed after their last sync. */
  isUnsynced(path: string): boolean {
    return this.#unsynced.has(this.#inode(path));
  }

  /** Somebody synced the file in this process. */
  wasSynced(path: string): boolean {
    return this.#synced.has(this.#inode(path)) || this.#syncedDirectories.has(path);
  }

  /** Changes in a directory that are not on disk. */
  pendingIn(directory: string): [path: string, pending: Pending][] {
    return [...this.#pending].filter(([path]) => dirname(path) === directory && basename(path) !== LOCK);
  }

  /** Everything below a directory that is not on disk as it is: new names, and files with new bytes. */
  unsafeBelow(directory: string): string[] {
    const isBelow = (path: string) => path.startsWith(`${directory}/`) && basename(path) !== LOCK;
    const names = [...this.#pending].filter(([path, pending]) => pending === 'added' && isBelow(path));
    const files = [...this.#inodes].filter(([path, inode]) => this.#unsynced.has(inode) && isBelow(path));
    return [...new Set([...names, ...files].map(([path]) => path))];
  }

  apply({ name, path, path2 }: Call): void {
    if (name === 'open' && !this.#inodes.has(path)) this.#add(path, this.#fresh());
    else if (['write', 'truncate', 'allocate', 'utimes', 'chmod', 'chown'].includes(name)) this.#change(path);
    else if (name === 'mkdir') this.#pending.set(path, 'added');
    else if (name === 'link') this.#add(path2, this.#inode(path));
    else if (name === 'unlink') this.#remove(path);
    else if (name === 'rename') this.#rename(path, path2);
    else if (name === 'fsync') this.#sync(path);
  }

  #fresh(): number {
    this.#next += 1;
    return this.#next;
  }

  #inode(path: string): number {
    const known = this.#inodes.get(path);
    if (known !== undefined) return known;
    const inode = this.#fresh(); // it was there before
    this.#inodes.set(path, inode);
    return inode;
  }

  #add(path: string, inode: number): void {
    this.#inodes.set(path, inode);
    this.#pending.set(path, 'added');
  }

  #remove(path: string): void {
    this.#inodes.delete(path);
    this.#pending.set(path, 'removed');
  }

  #change(path: string): void {
    this.#unsynced.add(this.#inode(path));
    this.#synced.delete(this.#inode(path));
  }

  /** The path may be a directory's or a file's. */
  #sync(path: string): void {
    this.#unsynced.delete(this.#inode(path));
    this.#synced.add(this.#inode(path));
    this.#syncedDirectories.add(path);
    for (const [changed] of this.#pending) if (dirname(changed) === path) this.#pending.delete(changed);
  }

  #rename(from: string, to: string): void {
    const inode = this.#inode(from);
    for (const map of [this.#inodes, this.#pending] as Map<string, unknown>[]) {
      for (const [path, value] of [...map]) {
        if (!path.startsWith(`${from}/`)) continue;
        map.delete(path);
        map.set(to + path.slice(from.length), value);
      }
    }
    this.#remove(from);
    this.#add(to, inode);
  }
}

export interface Promised {
  readonly target: string;
  /** Files of the target that the process promises to be on disk when it ends. */
  readonly files: readonly string[];
}

/**
 * Where the calls of a landing, in the order they ended, leave something to chance if the power fails: one sentence each.
 * The process ended with 0.
 */
export function gambles(calls: readonly Call[], { target, files }: Promised): string[] {
  const disk = new Disk();
  const found: string[] = [];
  const manifest = join(target, 'checkpointed.pods');
  for (const call of calls) {
    if (call.result < 0) continue;
    const say = (what: string) => found.push(`call ${call.index}, ${call.name} ${call.path}: ${what}`);
    const changed = call.name === 'unlink' ? call.path : call.path2;
    if (dirname(changed) === target && ['link', 'rename', 'unlink'].includes(call.name)) {
      if (changed === call.path2 && disk.isUnsynced(call.path)) say('its bytes are not on disk');
      const pending = disk.pendingIn(target);
      if (changed === manifest && pending.length > 0) say(`the manifest comes before ${list(pending)}`);
      if (pending.some(([path]) => path === manifest)) say('the manifest before it is not on disk');
      const unsafe = disk.unsafeBelow(join(target, '.podfreight')).filter((path) => path !== call.path);
      if (unsafe.length > 0) say(`what undoes it is not on disk: ${unsafe.join(', ')}`);
      if (disk.pendingIn(target).some(([path]) => path === join(target, '.podfreight'))) say('nor is .podfreight');
    }
    const forgets =
      (call.name === 'unlink' && basename(call.path) === 'after' && call.path.includes('/staging-')) ||
      (call.name === 'rename' && basename(call.path2).startsWith('done-'));
    if (forgets && disk.pendingIn(target).length > 0) {
      say(`forgets how to undo before it is on disk: ${list(disk.pendingIn(target))}`);
    }
    const done = /^(.*)\/done-[0-9a-f]+\//.exec(call.path)?.[1];
    if (
      call.name === 'unlink' &&
      done !== undefined &&
      disk.pendingIn(done).some(([path]) => path.includes('/done-'))
    ) {
      say('a staging is taken apart before it is retired on disk');
    }
    disk.apply(call);
  }
  for (let directory = target; directory !== dirname(directory); directory = dirname(directory)) {
    const pending = disk.pendingIn(directory);
    if (pending.length > 0) found.push(`at the end: not on disk: ${list(pending)}`);
  }
  for (const path of [target, ...files.map((name) => join(target, name))]) {
    if (!disk.wasSynced(path)) found.push(`at the end: nobody synced ${path}`);
    if (disk.isUnsynced(path)) found.push(`at the end: the bytes of ${path} are not on disk`);
  }
  return found;
}

function list(pending: [path: string, pending: Pending][]): string {
  return pending.map(([path, what]) => `${basename(path)} (${what})`).join(', ');
}
