import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../measure.ts';
import { shell } from '../measure.ts';
import { readCorpus } from './corpus.ts';
import { type MakeUp, makeUpOf } from './make-up.ts';
import { PageStream } from './pages.ts';
import { linkPods, type PodSpec, podPath, podSpecs, writePods } from './pods.ts';
import { writeSparseTar } from './sparse-tar.ts';

const KIB = 1024;
const PAGE_BYTES = 4 * KIB;
const SAMPLE_BYTES = 64 * KIB * KIB;

/** Pods in the shapes that the operations take. */
const SHAPES = {
  one: (sizeBytes: number) => podSpecs('one', 1, sizeBytes),
  eight: (sizeBytes: number) => podSpecs('eight', 8, inPages(sizeBytes / 8)),
  small: (sizeBytes: number) => podSpecs('small', 500, Math.min(100 * KIB, inPages(sizeBytes / 500))),
} as const;

export type Shape = keyof typeof SHAPES;
export type ArchiveKind = 'tar' | 'tar.zst' | 'foreign.tar.zst';

export interface KubeletFolder {
  readonly directory: string;
  readonly pods: readonly PodSpec[];
  readonly files: readonly string[];
  readonly podBytes: number;
}

export interface ArchiveFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Of the pods in it. */
  readonly podBytes: number;
}

/** What operations read: each made when it is first asked for, and kept. */
export class Inputs {
  readonly #folder: string;
  readonly #sizeBytes: number;
  readonly #podfreight: (...args: string[]) => Command;
  readonly #made = new Map<string, Promise<unknown>>();

  constructor(folder: string, sizeBytes: number, podfreight: (...args: string[]) => Command) {
    this.#folder = folder;
    this.#sizeBytes = sizeBytes;
    this.#podfreight = podfreight;
    mkdirSync(folder, { recursive: true });
  }

  /** What the pods' bytes are made of. */
  makeUp(): Promise<MakeUp> {
    return this.#once('make-up', async () => {
      const sample = Buffer.alloc(Math.min(SAMPLE_BYTES, this.#sizeBytes));
      new PageStream(await this.#corpus(), 'one-0').fill(sample);
      return makeUpOf(sample);
    });
  }

  pods(shape: Shape): Promise<KubeletFolder> {
    return this.#once(shape, async () => {
      const pods = SHAPES[shape](this.#sizeBytes);
      const directory = join(this.#folder, shape);
      await writePods(directory, pods, await this.#corpus());
      return describe(directory, pods);
    });
  }

  /** Eight pods of the whole size each, which are one file on disk. */
  eightTimes(): Promise<KubeletFolder> {
    return this.#once('eight-times', async () => {
      const one = await this.pods('one');
      const pods = podSpecs('times', 8, this.#sizeBytes);
      const directory = join(this.#folder, 'eight-times');
      await linkPods(directory, pods, one.files[0]!);
      return describe(directory, pods);
    });
  }

  archive(shape: Shape, kind: ArchiveKind): Promise<ArchiveFile> {
    return this.#once(`${shape}.${kind}`, async () => {
      const { directory, podBytes } = await this.pods(shape);
      const path = join(this.#folder, `${shape}.${kind}`);
      const [program, ...args] = this.#packing(kind, directory, path);
      execFileSync(program, args, { stdio: 'pipe' });
      return { path, sizeBytes: statSync(path).size, podBytes };
    });
  }

  /** A plain tar of ten pods that takes no room. */
  sparseTar(podBytes: number): Promise<string> {
    return this.#once(`sparse-${podBytes}`, async () => {
      const path = join(this.#folder, `sparse-${podBytes}.tar`);
      await writeSparseTar(path, podSpecs('sparse', 10, podBytes));
      return path;
    });
  }

  #packing(kind: ArchiveKind, directory: string, path: string): Command {
    if (kind === 'foreign.tar.zst') {
      const text = 'cd "$1" && tar -c --format=ustar checkpointed.pods *.tar | zstd -q -3 -T2 -o "$2"';
      return shell(text, directory, path);
    }
    return this.#podfreight('extract', '-t', directory, '-c', kind === 'tar' ? 'none' : 'zstd', '-o', path);
  }

  #corpus(): Promise<Buffer> {
    return this.#once('corpus', readCorpus);
  }

  #once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const made = this.#made.get(name) ?? make();
    this.#made.set(name, made);
    return made as Promise<T>;
  }
}

function describe(directory: string, pods: readonly PodSpec[]): KubeletFolder {
  return {
    directory,
    pods,
    files: pods.map((pod) => podPath(directory, pod)),
    podBytes: pods.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function inPages(bytes: number): number {
  return Math.max(1, Math.floor(bytes / PAGE_BYTES)) * PAGE_BYTES;
}
