import { createHash } from 'node:crypto';
import { inOrder } from '../archive/in-order.ts';
import { type Archive, openArchive } from '../archive/reader.ts';
import { type PodFile, writeArchive } from '../archive/writer.ts';
import type { PodRecord } from '../catalogue/records.ts';
import { isPodfreightError, PodfreightError } from '../errors.ts';
import { normalisedKey } from '../keys.ts';
import { formatManifest, type Manifest } from '../manifest/manifest.ts';
import { selectPods } from '../manifest/merge.ts';
import { openIfThere } from '../open-if-there.ts';
import type { ArchiveStore, ObjectLocation, ObjectSource, PutOptions } from '../ports.ts';
import { rangeLength } from '../range.ts';
import { podFileName, sandboxIdOfFileName } from '../sandbox-id.ts';

/** An archive to take pods from. */
export interface BundleSource {
  readonly source: ObjectSource;
  readonly archive: Archive;
  /** Just the pods to take. */
  readonly manifest: Manifest;
  readonly sandboxIds: readonly string[];
}

const OPENED_AT_ONCE = 16;

/**
 * What a function can decode and write in its 15 minutes, with room to spare. It only decides the part size, and a gzip
 * archive says nowhere how long its content is.
 */
const NORMALISED_BYTES_MAX = 100 * 1024 ** 3;

/**
 * Opens the archives that hold the pods, each once, as they were catalogued. All opened sources are in `opened`, also when
 * it fails: close them.
 * @throws PodfreightError `not-found` and `source-changed` for an archive that is gone or another, and as {@link openArchive}
 */
export async function openSources(
  pods: readonly PodRecord[],
  store: ArchiveStore,
  opened: ObjectSource[],
): Promise<BundleSource[]> {
  const byObject = Map.groupBy(pods, ({ archive }) => JSON.stringify([archive.bucket, archive.key, archive.etag]));
  const open = async ([first, ...others]: readonly PodRecord[]): Promise<BundleSource> => {
    const { etag, ...location } = first!.archive;
    const source = await store.open(location);
    opened.push(source);
    if (source.etag !== etag) {
      throw new PodfreightError('source-changed', `${source.name} is no longer what was catalogued; try again.`, {
        subject: { bucket: location.bucket, key: location.key },
      });
    }
    return openSource(
      source,
      [first!, ...others].map(({ sandboxId }) => sandboxId),
    );
  };
  const sources: BundleSource[] = [];
  for await (const source of inOrder(byObject.values(), OPENED_AT_ONCE, open)) sources.push(source);
  return sources;
}

async function openSource(source: ObjectSource, sandboxIds: readonly string[]): Promise<BundleSource> {
  const archive = await openArchive(source);
  const { manifest } = await archive.manifest();
  return { source, archive, manifest: selectPods(manifest, sandboxIds), sandboxIds };
}

/** The format in which all of them can be copied as they lie: zstd unless all have it in plain tar. */
export function commonFormat(sources: readonly BundleSource[]): 'tar' | 'tar+zstd' {
  return sources.every(({ archive }) => archive.index?.format === 'tar') ? 'tar' : 'tar+zstd';
}

export function canBeCopied({ archive }: BundleSource, format: 'tar' | 'tar+zstd'): boolean {
  return archive.index?.format === format;
}

/**
 * The same pods in a framed zstd archive of ours, written to the bundles bucket unless it is there already. Its key is made
 * of the source and the pods, so that asking again, or two at once, do the work once; a lifecycle rule removes it.
 * @throws PodfreightError as {@link ArchiveStore} and {@link Archive}
 */
export async function normalise(
  { source, archive, manifest, sandboxIds }: BundleSource,
  context: { store: ArchiveStore; bucket: string; opened: ObjectSource[]; signal?: AbortSignal | undefined },
): Promise<{ source: BundleSource; bytesThrough: number }> {
  const { store, bucket, opened, signal } = context;
  const { location, etag } = source;
  const identity = JSON.stringify([location.bucket, location.key, etag, [...sandboxIds].sort()]);
  const target = { bucket, key: normalisedKey(createHash('sha256').update(identity).digest('hex')) };
  const { stream } = writeArchive({
    manifest: formatManifest(manifest),
    modifiedAt: new Date(0),
    pods: podFiles(archive, sandboxIds),
    format: 'tar+zstd',
  });
  const options = { sizeBoundBytes: NORMALISED_BYTES_MAX, ...(signal && { signal }) };
  const wanted = archive.index?.members.filter(({ name }) => sandboxIds.some((id) => podFileName(id) === name));
  const readBytes = wanted?.reduce((sum, { wire }) => sum + rangeLength(wire), 0) ?? source.sizeBytes;
  const isNew = await putUnlessThere(store, target, stream, options);
  const normalised = await store.open(target);
  opened.push(normalised);
  return { source: await openSource(normalised, sandboxIds), bytesThrough: isNew ? readBytes : 0 };
}

/** @returns whether it was not there */
async function putUnlessThere(
  store: ArchiveStore,
  target: ObjectLocation,
  body: AsyncIterable<Buffer>,
  options: PutOptions,
): Promise<boolean> {
  const there = await openIfThere(store, target);
  await there?.close();
  if (there !== undefined) return false;
  try {
    await store.put(target, body, options);
    return true;
  } catch (error) {
    if (isPodfreightError(error, 'conflict')) return false; // somebody else was faster
    throw error;
  }
}

async function* podFiles(archive: Archive, sandboxIds: readonly string[]): AsyncGenerator<PodFile> {
  for await (const { member, data } of archive.members(new Set(sandboxIds.map(podFileName)))) {
    const sandboxId = sandboxIdOfFileName(member.name);
    if (sandboxId !== undefined) yield { ...member, sandboxId, read: () => data };
  }
}
