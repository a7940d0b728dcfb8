import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodFile } from '../core/archive/writer.ts';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import { JSON_BYTES_MAX } from '../core/manifest/json.ts';
import { checkManifest, type Manifest, parseManifest } from '../core/manifest/manifest.ts';
import { withoutRepeats } from '../core/manifest/merge.ts';
import { isSandboxId, MANIFEST_NAME, podFileName } from '../core/sandbox-id.ts';
import { isErrno, orFileError } from './file-error.ts';
import { FileSource } from './file-source.ts';

/** Where the kubelet keeps checkpoints unless its `--root-dir` says otherwise. */
export const KUBELET_CHECKPOINTS = '/var/lib/kubelet/checkpoints';

const SNAPSHOT_ATTEMPTS = 5;

export interface ReadManifest {
  readonly manifest: Manifest;
  readonly bytes: Buffer;
}

/** Pods' files, held open, and the manifest that names exactly those. */
export interface Snapshot extends AsyncDisposable {
  readonly manifest: Manifest;
  /** In the manifest's order. Their bytes are those of the moment of the snapshot, or reading throws `source-changed`. */
  readonly pods: readonly PodFile[];
}

/** A directory with a manifest and the pods' files that it names. */
export class KubeletDirectory {
  /** As the user wrote it. */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get manifestPath(): string {
    return join(this.path, MANIFEST_NAME);
  }

  /** @param name that is safe: of a pod's file or of a container archive */
  filePath(name: string): string {
    return join(this.path, name);
  }

  podPath(sandboxId: string): string {
    return this.filePath(podFileName(sandboxId));
  }

  /**
   * The manifest, its SandboxIDs not checked. The first checkpointctl lists a pod again with each insert: equal entries
   * count once.
   * @throws PodfreightError `not-found`, `invalid-manifest`, `access-denied`, `unsupported` (a link), `io`
   */
  async readManifest(): Promise<ReadManifest> {
    await orFileError(`Cannot open ${this.path}`, () => stat(this.path)); // names the directory when that is what is missing
    const source = await FileSource.open(this.manifestPath, 'refuse');
    try {
      if (source.sizeBytes > JSON_BYTES_MAX) throw tooLong(this.manifestPath, source.sizeBytes);
      const bytes = await source.read({ start: 0, end: source.sizeBytes });
      return { manifest: withoutRepeats(parseManifest(bytes, this.manifestPath)), bytes };
    } finally {
      await source.close();
    }
  }

  /** As `readManifest`, and with every SandboxID checked; undefined when there is no manifest or no directory. */
  async readManifestIfAny(): Promise<Manifest | undefined> {
    try {
      const { manifest } = await this.readManifest();
      checkManifest(manifest, this.manifestPath);
      return manifest;
    } catch (error) {
      if (isPodfreightError(error, 'not-found') && error.subject.errno === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Whether something has the name of the pod's file, as the first checkpointctl's `show` asks. */
  async hasPod(sandboxId: string): Promise<boolean> {
    if (!isSandboxId(sandboxId)) return false;
    return stat(this.podPath(sandboxId)).then(
      () => true,
      () => false,
    );
  }

  /**
   * Opens the pods' files, so that manifest and files are of one moment also while something is inserted.
   * @param choose picks pods of the manifest
   * @throws PodfreightError `not-found` naming all files that are missing, `unsupported` for a file that is a link or not
   *   regular, and as `readManifest`
   */
  async snapshot(choose: (manifest: Manifest) => Manifest = (manifest) => manifest): Promise<Snapshot> {
    for (let attempt = 0; attempt < SNAPSHOT_ATTEMPTS; attempt += 1) {
      const before = await this.readManifest();
      checkManifest(before.manifest, this.manifestPath);
      const manifest = choose(before.manifest);
      const sources: FileSource[] = [];
      const close = async () => void (await Promise.all(sources.map((source) => source.close())));
      try {
        const missing = await this.#openPods(manifest, sources);
        const after = await this.readManifest();
        if (after.bytes.equals(before.bytes)) {
          if (missing.length > 0) throw this.#missing(missing);
          const pods = (manifest.pods ?? []).map(({ sandboxId }, i) => podFile(sandboxId, sources[i]!));
          return { manifest, pods, [Symbol.asyncDispose]: close };
        }
      } catch (error) {
        await close();
        throw error;
      }
      await close();
    }
    throw new PodfreightError('source-changed', `${this.manifestPath} keeps changing while it is read; try again.`, {
      subject: { path: this.manifestPath },
    });
  }

  /** @returns the names of the files that are not there */
  async #openPods(manifest: Manifest, sources: FileSource[]): Promise<string[]> {
    const missing: string[] = [];
    for (const { sandboxId } of manifest.pods ?? []) {
      try {
        sources.push(await FileSource.open(this.podPath(sandboxId), 'refuse'));
      } catch (error) {
        if (!isPodfreightError(error, 'not-found')) throw error;
        missing.push(podFileName(sandboxId));
      }
    }
    return missing;
  }

  #missing(files: string[]): PodfreightError {
    return new PodfreightError(
      'not-found',
      `${this.manifestPath} names files that are not in ${this.path}: ${files.join(', ')}.`,
      { subject: { path: this.path, files } },
    );
  }
}

/** What stands under the name of a pod's file. */
export type Occupant =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'file'; readonly sizeBytes: number; readonly version: string }
  | { readonly kind: 'obstacle' };

/** `version` differs whenever the file's bytes may. */
export async function lookUp(path: string): Promise<Occupant> {
  try {
    const found = await lstat(path, { bigint: true });
    if (!found.isFile()) return { kind: 'obstacle' };
    const version = [found.dev, found.ino, found.size, found.mtimeNs].join(':');
    return { kind: 'file', sizeBytes: Number(found.size), version };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return { kind: 'nothing' };
    return orFileError(`Cannot look up ${path}`, () => Promise.reject(error));
  }
}

function podFile(sandboxId: string, source: FileSource): PodFile {
  const { sizeBytes } = source;
  const modifiedAt = new Date(Math.floor(source.modifiedAt.getTime() / 1000) * 1000);
  return { sandboxId, sizeBytes, modifiedAt, read: (memory) => source.stream({ start: 0, end: sizeBytes }, memory) };
}

function tooLong(path: string, sizeBytes: number): PodfreightError {
  return new PodfreightError(
    'invalid-manifest',
    `${path} is not a valid manifest: it has ${sizeBytes} bytes, and ${JSON_BYTES_MAX} are the limit.`,
    { subject: { path } },
  );
}
