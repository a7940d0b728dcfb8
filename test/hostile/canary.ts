import { createHash } from 'node:crypto';
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where archives aim at: beside and above the target, and where their links would lead. */
const FILES: Readonly<Record<string, string>> = {
  'x.tar': 'beside the target',
  'y.tar': 'beside the target',
  'checkpointed.pods': '{"version":0,"CheckpointedPods":[]}',
  'canary/secret': 'nobody may read this',
  'canary/x.tar': 'nor replace this',
  'etc/passwd': 'root:x:0:0',
  'etc/cron.d/x.tar': '# nothing',
  'victim.tar': 'deleted by the first checkpointctl',
};

/** What a kubelet directory has beside what it lists. */
const TARGET_FILES: Readonly<Record<string, string>> = {
  'run.sh': '#!/bin/sh',
  'notes/readme': 'somebody put this here',
};

const TIME = new Date('2026-11-22T12:00:00Z');

/** A kubelet directory with all around it that an archive could want to reach, below a folder of its own. */
export class CanaryTree {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** The kubelet directory; `prepare` fills it. */
  get target(): string {
    return this.path('node/target');
  }

  path(name: string): string {
    return join(this.root, name);
  }

  static async plant(prepare: (tree: CanaryTree) => Promise<unknown> = async () => {}): Promise<CanaryTree> {
    const tree = new CanaryTree(await mkdtemp(join(tmpdir(), 'podfreight-hostile-')));
    await tree.#write('', FILES);
    await prepare(tree);
    await tree.#write('node/target', TARGET_FILES);
    await symlink('../../canary', join(tree.target, 'd'));
    await link(tree.path('canary/secret'), join(tree.target, 'linked'));
    return tree;
  }

  /** What is written to be read by podfreight; no part of the tree. */
  async put(name: string, bytes: Buffer): Promise<string> {
    const path = join(this.root, INPUT, name);
    await mkdir(join(this.root, INPUT), { recursive: true });
    await writeFile(path, bytes);
    return path;
  }

  /** Names, kinds, modes, owners, times, contents and link targets of everything, but for our own folder and the input. */
  async fingerprint(): Promise<string> {
    const lines: string[] = [];
    await describe(this.root, '', lines);
    return lines.join('\n');
  }

  /** What is in the target's own folder, where nothing but locks may stay. */
  async leftovers(target = this.target): Promise<string[]> {
    const names = await readdir(join(target, PRIVATE_FOLDER)).catch(() => []);
    return names.filter((name) => !name.startsWith('lock'));
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  async #write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.root, folder, name);
      await mkdir(join(path, '..'), { recursive: true });
      await writeFile(path, text);
      await utimes(path, TIME, TIME);
    }
  }
}

const INPUT = 'input';
const PRIVATE_FOLDER = '.podfreight';
const OURS = new Set([INPUT, PRIVATE_FOLDER]);

async function describe(folder: string, path: string, lines: string[]): Promise<void> {
  for (const name of (await readdir(folder)).sort()) {
    if (OURS.has(name)) continue;
    const full = join(folder, name);
    const found = await lstat(full, { bigint: true });
    const { mode, uid, gid, ino, nlink, mtimeNs } = found;
    const content = found.isFile()
      ? createHash('sha256')
          .update(await readFile(full))
          .digest('hex')
      : found.isSymbolicLink()
        ? await readlink(full)
        : '';
    lines.push([join(path, name), mode.toString(8), uid, gid, ino, nlink, mtimeNs, content].join(' '));
    if (found.isDirectory()) await describe(full, join(path, name), lines);
  }
}
