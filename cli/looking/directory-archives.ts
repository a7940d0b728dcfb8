import { readdir } from 'node:fs/promises';
import { parseKubeletFileName } from '../../core/checkpoint/kubelet-file-name.ts';
import { MANIFEST_NAME } from '../../core/sandbox-id.ts';
import { orFileError } from '../file-error.ts';

const ARCHIVE = /^[^.].*\.tar(\.gz|\.zst)?$/s;

/** What a directory has to look at, by its names alone. */
export interface DirectoryArchives {
  readonly hasManifest: boolean;
  /** By name. */
  readonly names: readonly string[];
}

/**
 * A kubelet's container archives, by their names. In a directory without a manifest all other archives too; beside one they
 * may be files of pods, of which the manifest alone says whether they count.
 * @throws PodfreightError as the file system
 */
export async function directoryArchives(path: string): Promise<DirectoryArchives> {
  const entries = await orFileError(`Cannot list ${path}`, () => readdir(path, { withFileTypes: true }));
  const hasManifest = entries.some(({ name }) => name === MANIFEST_NAME);
  const names = entries
    .filter((entry) => {
      if (parseKubeletFileName(entry.name) !== undefined) return true;
      return !hasManifest && entry.isFile() && ARCHIVE.test(entry.name);
    })
    .map(({ name }) => name);
  return { hasManifest, names: names.toSorted() };
}
