import { openCheckpoint } from '../../core/checkpoint/checkpoint.ts';
import type { FoundArchive } from '../../core/checkpoint/pod-groups.ts';
import { archiveDigest } from '../../core/checkpoint/ship-containers.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { Watch } from '../../core/shipment.ts';
import { FileSource } from '../file-source.ts';
import { fileVersion } from './file-version.ts';

/** A container archive that was read from its first byte to its last, and was whole. */
export interface WholeArchive extends FoundArchive {
  /** SHA-256 of the archive's own bytes. */
  readonly digest: string;
}

/**
 * Reads an archive through: to its two zero blocks, and once more for its digest.
 * @param version that the file has to have before and after
 * @throws PodfreightError `invalid-archive` (of which `isNotWhole` knows those that are cut off), `corrupt-archive`,
 *   `unsupported`, `source-changed`, and as the file system
 */
export async function inspectArchive(
  { path, name, version }: { readonly path: string; readonly name: string; readonly version: string },
  watch: Watch,
): Promise<WholeArchive> {
  await using source = await openVersion(path, version);
  const checkpoint = await openCheckpoint(source);
  if (checkpoint.kind !== 'container') {
    throw new PodfreightError('unsupported', `${path} has the name of a container's archive, and is another kind.`, {
      subject: { path },
    });
  }
  const found = { fileName: name, sizeBytes: source.sizeBytes, container: checkpoint.container };
  const digest = await archiveDigest({ ...found, source }, watch);
  if (fileVersion(path)?.version !== version) throw changed(path);
  return { ...found, digest };
}

/** The file open, if it still has that version. @throws PodfreightError `source-changed`, and as `FileSource.open` */
export async function openVersion(path: string, version: string): Promise<FileSource & AsyncDisposable> {
  const source = await FileSource.open(path, 'refuse');
  if (fileVersion(path)?.version === version) {
    return Object.assign(source, { [Symbol.asyncDispose]: () => source.close() });
  }
  await source.close();
  throw changed(path);
}

function changed(path: string): PodfreightError {
  return new PodfreightError('source-changed', `${path} changed while it was looked at; it is looked at again.`, {
    subject: { path },
  });
}
