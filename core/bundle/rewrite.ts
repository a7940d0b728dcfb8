import { createHash } from 'node:crypto';
import { TAIL_BYTES } from '../archive/index.ts';
import type { IndexedFormat } from '../archive/index-json.ts';
import { type Archive, openArchive } from '../archive/reader.ts';
import { type PodFile, writeArchive } from '../archive/writer.ts';
import { isPodfreightError } from '../errors.ts';
import { normalisedKey } from '../keys.ts';
import { formatManifest } from '../manifest/manifest.ts';
import { openIfThere } from '../open-if-there.ts';
import type { ArchiveStore, ObjectLocation, ObjectSource } from '../ports.ts';
import { rangeLength } from '../range.ts';
import { podFileName, sandboxIdOfFileName } from '../sandbox-id.ts';
import { type BundleSource, openSource } from './bundle-sources.ts';

/**
 * What a function can decode and write in its 15 minutes, with room to spare. It only decides the part size, and a gzip
 * archive says nowhere how long its content is.
 */
const REWRITTEN_BYTES_MAX = 100 * 1024 ** 3;

export interface RewriteContext {
  readonly store: ArchiveStore;
  /** Where rewritten archives go. */
  readonly bucket: string;
  /** Gets what is opened: close it. */
  readonly opened: ObjectSource[];
}

/** The archive that {@link rewrite} made of a source, when it is there. */
export async function findRewritten(
  source: BundleSource,
  format: IndexedFormat,
  { store, bucket, opened }: RewriteContext,
): Promise<BundleSource | undefined> {
  const object = await openIfThere(store, rewrittenLocation(source, format, bucket), { tailBytes: TAIL_BYTES });
  if (object === undefined) return undefined;
  opened.push(object);
  return openSource(object, source.sandboxIds);
}

/**
 * The same pods in an archive of ours, written to the bundles bucket in one pass with bounded memory. Its key is made of the
 * source, the pods and the format, so that the work is done once as long as it lies there; a lifecycle rule removes it.
 * @throws PodfreightError `interrupted`, and as {@link ArchiveStore} and {@link Archive}
 */
export async function rewrite(
  source: BundleSource,
  format: IndexedFormat,
  { store, bucket, opened, signal }: RewriteContext & { signal: AbortSignal },
): Promise<BundleSource> {
  const archive = await openArchive(source.object);
  const { stream } = writeArchive({
    manifest: formatManifest(source.manifest),
    modifiedAt: new Date(0),
    pods: podFiles(archive, source.sandboxIds),
    format,
  });
  const location = rewrittenLocation(source, format, bucket);
  try {
    await store.put(location, stream, { sizeBoundBytes: REWRITTEN_BYTES_MAX, signal });
  } catch (error) {
    if (!isPodfreightError(error, 'conflict')) throw error; // else somebody else was faster
  }
  const object = await store.open(location, { tailBytes: TAIL_BYTES });
  opened.push(object);
  return openSource(object, source.sandboxIds);
}

/** Bytes to read for rewriting a source: its pods' where an index tells, else all. */
export function bytesToRewrite({ object, members }: BundleSource): number {
  return members?.reduce((sum, { wire }) => sum + rangeLength(wire), 0) ?? object.sizeBytes;
}

function rewrittenLocation(
  { object, sandboxIds }: BundleSource,
  format: IndexedFormat,
  bucket: string,
): ObjectLocation {
  const { location, etag } = object;
  const identity = JSON.stringify([location.bucket, location.key, etag, [...sandboxIds].sort()]);
  return { bucket, key: normalisedKey(createHash('sha256').update(identity).digest('hex'), format) };
}

async function* podFiles(archive: Archive, sandboxIds: readonly string[]): AsyncGenerator<PodFile> {
  for await (const { member, data } of archive.members(new Set(sandboxIds.map(podFileName)))) {
    const sandboxId = sandboxIdOfFileName(member.name);
    if (sandboxId !== undefined) yield { ...member, sandboxId, read: () => data };
  }
}
