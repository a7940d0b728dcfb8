import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseKubeletFileName } from '../../core/checkpoint/kubelet-file-name.ts';
import { formatPod } from '../../core/manifest/manifest.ts';
import { MANIFEST_NAME, podFileName } from '../../core/sandbox-id.ts';
import { orFileError } from '../file-error.ts';
import { type FileVersion, fileVersion } from '../file-version.ts';
import { KubeletDirectory } from '../kubelet-directory.ts';
import { Tracked } from './tracked.ts';

/** What the inventory wants to know of the state. */
export interface Ledger {
  /** Whether this very file, by its version, was shipped. */
  isStored(directory: string, name: string, version: string): boolean;
  /** Which names the directory has now. */
  keepOnly(directory: string, names: ReadonlySet<string>): void;
}

/** What one directory has for S3, as of the last look at it. */
export class Inventory {
  readonly directory: string;
  readonly #state: Ledger;
  #files = new Map<string, Tracked>();
  /** SandboxID → digest of its entry, of the manifest with that version. */
  #manifest: { readonly version: string; readonly entries: ReadonlyMap<string, string> } | undefined;

  constructor(directory: string, state: Ledger) {
    this.directory = directory;
    this.#state = state;
  }

  get files(): Iterable<Tracked> {
    return this.#files.values();
  }

  file(name: string): Tracked | undefined {
    return this.#files.get(name);
  }

  /**
   * Looks at names and times, at nothing inside. A file that is another than before begins anew.
   * @param settleMs how long ago its last change must be before it is looked at, by the clock of the node
   * @throws PodfreightError as the file system; `invalid-manifest` when everything but the pods was looked at
   */
  async refresh(settleMs: number): Promise<void> {
    const names = await orFileError(`Cannot list ${this.directory}`, () => readdir(this.directory));
    const next = new Map<string, Tracked>();
    const add = (kind: Tracked['kind'], name: string, file: FileVersion, version: string) => {
      const before = this.#files.get(name);
      const tracked = before?.version === version ? before : this.#begin({ kind, name, file, version }, settleMs);
      next.set(name, tracked);
    };
    for (const name of names) {
      if (parseKubeletFileName(name) === undefined) continue;
      const file = fileVersion(join(this.directory, name));
      if (file !== undefined) add('archive', name, file, file.version);
    }
    try {
      for (const [sandboxId, entry] of await this.#pods(names.includes(MANIFEST_NAME))) {
        const name = podFileName(sandboxId);
        const file = fileVersion(join(this.directory, name));
        if (file !== undefined && !next.has(name)) add('pod', name, file, `${file.version}:${entry}`);
      }
    } finally {
      this.#files = next;
      this.#state.keepOnly(this.directory, new Set(next.keys()));
    }
  }

  #begin(fields: Pick<Tracked, 'kind' | 'name' | 'file' | 'version'>, settleMs: number): Tracked {
    const tracked = new Tracked({ ...fields, directory: this.directory }, settleMs);
    if (this.#state.isStored(this.directory, fields.name, fields.version)) tracked.phase = 'stored';
    return tracked;
  }

  async #pods(hasManifest: boolean): Promise<ReadonlyMap<string, string>> {
    const version = hasManifest ? fileVersion(join(this.directory, MANIFEST_NAME))?.version : undefined;
    if (version === undefined) return new Map();
    if (this.#manifest?.version !== version) {
      const manifest = await new KubeletDirectory(this.directory).readManifestIfAny();
      const entries = (manifest?.pods ?? []).map((pod) => {
        return [pod.sandboxId, createHash('sha256').update(formatPod(pod)).digest('hex')] as const;
      });
      this.#manifest = { version, entries: new Map(entries) };
    }
    return this.#manifest.entries;
  }
}
