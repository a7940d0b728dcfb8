import type { ArchiveFormat } from '../archive/format.ts';
import { inOrder } from '../archive/in-order.ts';
import { TAIL_BYTES } from '../archive/index.ts';
import type { IndexedFormat } from '../archive/index-json.ts';
import { type IndexedMember, tarBytes } from '../archive/member.ts';
import { openArchive } from '../archive/reader.ts';
import type { PodRecord } from '../catalogue/records.ts';
import { PodfreightError } from '../errors.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { selectPods } from '../manifest/merge.ts';
import type { ArchiveStore, ObjectSource } from '../ports.ts';
import { podFileName } from '../sandbox-id.ts';

/** An archive to take pods from, and no more of it than that takes: a bundle may have thousands. */
export interface BundleSource {
  readonly object: ObjectSource;
  readonly format: ArchiveFormat;
  /** The pods to take. */
  readonly sandboxIds: readonly string[];
  /** Just theirs. */
  readonly manifest: Manifest;
  /** Their files where they lie, in the order of `sandboxIds`; undefined when there is no index to tell. */
  readonly members: readonly IndexedMember[] | undefined;
}

/** Each takes two requests; three where its index is longer than 64 KiB. */
const OPENED_AT_ONCE = 64;

/**
 * Opens the archives that hold the pods, each once, as they were catalogued. All opened objects are in `opened`, also when
 * it fails: close them.
 * @throws PodfreightError `not-found` and `source-changed` for an archive that is gone or another, `invalid-archive` for a
 *   pod that it names and does not hold, and as {@link openArchive}
 */
export async function openSources(
  pods: readonly PodRecord[],
  { store, opened }: { readonly store: ArchiveStore; readonly opened: ObjectSource[] },
): Promise<BundleSource[]> {
  const byObject = Map.groupBy(pods, ({ archive }) => JSON.stringify([archive.bucket, archive.key, archive.etag]));
  const open = async ([first, ...others]: readonly PodRecord[]): Promise<BundleSource> => {
    const { etag, ...location } = first!.archive;
    const object = await store.open(location, { tailBytes: TAIL_BYTES });
    opened.push(object);
    if (object.etag !== etag) {
      throw new PodfreightError('source-changed', `${object.name} is no longer what was catalogued; try again.`, {
        subject: { bucket: location.bucket, key: location.key },
      });
    }
    return openSource(
      object,
      [first!, ...others].map(({ sandboxId }) => sandboxId),
    );
  };
  const sources: BundleSource[] = [];
  for await (const source of inOrder(byObject.values(), OPENED_AT_ONCE, open)) sources.push(source);
  return sources;
}

/** @throws PodfreightError as {@link openSources} */
export async function openSource(object: ObjectSource, sandboxIds: readonly string[]): Promise<BundleSource> {
  const { format, index, ...archive } = await opened(object);
  const manifest = selectPods(archive.manifest, sandboxIds);
  const byName = new Map(index?.members.map((member) => [member.name, member]));
  const memberOf = (sandboxId: string): IndexedMember => {
    const name = podFileName(sandboxId);
    const member = byName.get(name);
    if (member !== undefined) return member;
    const message = `The archive ${object.name} names ${name} in its manifest, but has none.`;
    throw new PodfreightError('invalid-archive', message, { subject: { archive: object.name, member: name } });
  };
  return { object, format, sandboxIds, manifest, members: index && sandboxIds.map(memberOf) };
}

async function opened(object: ObjectSource) {
  const archive = await openArchive(object);
  const { manifest } = await archive.manifest();
  return { format: archive.format, index: archive.index, manifest };
}

/**
 * The format in which the fewer bytes have to be decoded and encoded: what lies in the other cannot be copied. zstd when
 * that makes no difference.
 */
export function chooseFormat(sources: readonly BundleSource[]): IndexedFormat {
  const bytesIn = (format: IndexedFormat) =>
    sources
      .filter((source) => source.format === format)
      .flatMap(({ members }) => members ?? [])
      .reduce((sum, member) => sum + tarBytes(member), 0);
  return bytesIn('tar') > bytesIn('tar+zstd') ? 'tar' : 'tar+zstd';
}

/** Why S3 cannot copy the pods of a source into a bundle of this format: the end of the sentence "it …". */
export function whyNotCopied({ members, format }: BundleSource, wanted: IndexedFormat): string | undefined {
  if (format === 'tar+gzip') return 'is packed with gzip';
  if (members === undefined) return 'has no index of podfreight';
  if (format === wanted) return undefined;
  return format === 'tar' ? 'is plain where most bytes are in zstd' : 'is in zstd where most bytes are plain';
}
