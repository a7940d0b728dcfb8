import { openCheckpoint } from '../core/checkpoint/checkpoint.ts';
import type { FoundArchive } from '../core/checkpoint/pod-groups.ts';
import { archiveDigest, type OpenArchive } from '../core/checkpoint/ship-containers.ts';
import { PodfreightError } from '../core/errors.ts';
import type { Watch } from '../core/shipment.ts';
import { FileSource } from './file-source.ts';
import { fileVersion } from './file-version.ts';

/** A container archive that was read from its first byte to its last, and was whole. */
export interface WholeArchive extends FoundArchive {
  /** SHA-256 of the archive's own bytes. */
  readonly digest: string;
}

interface NamedVersion {
  readonly path: string;
  readonly name: string;
  /** As in `FileVersion`: that the file has to have before and after. */
  readonly version: string;
}

/**
 * Reads a container archive through: to its two zero blocks, and once more for its digest.
 * @throws PodfreightError `invalid-archive` (of which `isNotWhole` knows those that are cut off), `corrupt-archive`,
 *   `unsupported`, `source-changed`, and as the file system
 */
export async function inspectArchive(file: NamedVersion, watch: Watch): Promise<WholeArchive> {
  const found = await lookThrough(file, watch);
  if (found !== 'bundle') return found;
  throw otherKind(file.path, 'with a checkpointed.pods');
}

/** The same, or `bundle` for an archive with a manifest, which is read through by whoever ships it. */
export async function lookThrough(
  { path, name, version }: NamedVersion,
  watch: Watch,
): Promise<WholeArchive | 'bundle'> {
  await using source = await openVersion(path, version);
  const checkpoint = await openCheckpoint(source);
  if (checkpoint.kind === 'pods') return 'bundle';
  if (checkpoint.kind === 'pod') throw otherKind(path, 'of a pod, without the checkpointed.pods that names it');
  const { sizeBytes, modifiedAt } = source;
  const found = { fileName: name, sizeBytes, modifiedAt, container: checkpoint.container };
  const digest = await archiveDigest({ ...found, source }, watch);
  if (fileVersion(path)?.version !== version) throw changed(path);
  return { ...found, digest };
}

/** Opens the file, as it was looked at, only while it is read: there may be thousands. */
export function wholeSource(path: string, version: string): OpenArchive['source'] {
  return {
    name: path,
    async *stream(range) {
      await using source = await openVersion(path, version);
      yield* source.stream(range);
    },
  };
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

function otherKind(path: string, which: string): PodfreightError {
  return new PodfreightError('unsupported', `${path} is no container's archive, but one ${which}.`, {
    subject: { path },
  });
}

function changed(path: string): PodfreightError {
  return new PodfreightError('source-changed', `${path} changed while it was looked at; try again.`, {
    subject: { path },
  });
}
