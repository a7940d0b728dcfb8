import type { IndexedMember } from '../archive/member.ts';
import { wholeSeconds } from '../catalogue/instant.ts';
import type { BundleRecord, PodRecord } from '../catalogue/records.ts';
import { isPodfreightError, PodfreightError } from '../errors.ts';
import { bundleKey } from '../keys.ts';
import { formatManifest, type Manifest } from '../manifest/manifest.ts';
import { mergeManifests } from '../manifest/merge.ts';
import { openIfThere } from '../open-if-there.ts';
import type { ArchiveStore, Catalogue, ObjectSource } from '../ports.ts';
import { podFileName } from '../sandbox-id.ts';
import { bundleId } from './bundle-id.ts';
import { type BundleSource, canBeCopied, commonFormat, normalise, openSources } from './bundle-sources.ts';
import { byName, choosePods } from './choose-pods.ts';
import { planBundle, type SourceMember } from './plan-bundle.ts';
import type { BundleRequest, BundleResult } from './request.ts';

export interface BundleContext {
  readonly store: ArchiveStore;
  readonly catalogue: Catalogue;
  /** Where bundles go. */
  readonly bucket: string;
  /** Aborting ends in `interrupted`, with nothing begun left behind. */
  readonly signal?: AbortSignal | undefined;
}

/** DynamoDB holds 400 KB in an item, and a bundle is one. */
const PODS_BYTES_MAX = 350_000;

/**
 * Makes one archive of the checkpoints that the selectors mean, which S3 copies from where they lie; archives that are not
 * framed as ours are rewritten first. The same pods give the same bundle, which is made once. It is catalogued when it is
 * stored, so that a bundle that is listed can be pulled.
 * @throws PodfreightError `not-found`, `conflict`, `source-changed`, `unsupported` for too many pods, and as the archives
 */
export async function createBundle(request: BundleRequest, context: BundleContext): Promise<BundleResult> {
  const chosen = await choosePods(request.pods, context.catalogue);
  const opened: ObjectSource[] = [];
  try {
    const ready = await makeReady(await openSources(chosen, context.store, opened), { ...context, opened });
    return await storeBundle(chosen, ready, context);
  } finally {
    await Promise.all(opened.map((source) => source.close()));
  }
}

interface ReadySources {
  readonly sources: readonly BundleSource[];
  readonly format: 'tar' | 'tar+zstd';
  /** Read to make them ready. */
  readonly bytesThrough: number;
}

/** One after the other: each takes the whole machine. */
async function makeReady(
  sources: readonly BundleSource[],
  context: BundleContext & { opened: ObjectSource[] },
): Promise<ReadySources> {
  const format = commonFormat(sources);
  const ready: BundleSource[] = [];
  let bytesThrough = 0;
  for (const source of sources) {
    if (canBeCopied(source, format)) {
      ready.push(source);
    } else {
      const normalised = await normalise(source, context);
      ready.push(normalised.source);
      bytesThrough += normalised.bytesThrough;
    }
  }
  return { sources: ready, format, bytesThrough };
}

async function storeBundle(
  chosen: readonly PodRecord[],
  { sources, format, bytesThrough }: ReadySources,
  { store, catalogue, bucket, signal }: BundleContext,
): Promise<BundleResult> {
  const members = membersOf(sources);
  const pods = describePods(chosen, members);
  const manifest = formatManifest(mergedManifest(sources));
  const { parts, members: planned } = await planBundle({ manifest, format, members, modifiedAt: newest(members) });
  const id = bundleId({ format, members: planned });
  const location = { bucket, key: bundleKey(id, format) };

  const there = await openIfThere(store, location);
  const created = there === undefined && (await compose());
  const stored = there ?? (await store.open(location));
  await stored.close();
  if (stored.sizeBytes !== parts.sizeBytes) {
    throw new PodfreightError('conflict', `${stored.name} is not the bundle its name says; remove it and try again.`);
  }
  const bundle: BundleRecord = {
    bundleId: id,
    location,
    etag: stored.etag,
    sizeBytes: stored.sizeBytes,
    format,
    createdAt: wholeSeconds(stored.modifiedAt),
    pods,
  };
  await catalogue.recordBundle(bundle);

  const { createdAt: _, ...result } = bundle;
  const uploaded = parts.parts.reduce((sum, part) => sum + (part.kind === 'upload' ? part.sizeBytes : 0), 0);
  return {
    ...result,
    created,
    bytesThrough: bytesThrough + (created ? uploaded : 0),
    requests: created ? parts.parts.length : 0,
  };

  /** @returns false when somebody else was faster */
  async function compose(): Promise<boolean> {
    try {
      const objects = sources.map(({ source }) => source);
      await store.compose(location, parts, objects, signal && { signal });
      return true;
    } catch (error) {
      if (isPodfreightError(error, 'conflict')) return false;
      throw error;
    }
  }
}

function membersOf(sources: readonly BundleSource[]): SourceMember[] {
  return sources.flatMap(({ archive, sandboxIds }, source) => {
    const members = new Map(archive.index?.members.map((member) => [member.name, member]));
    return sandboxIds.map((sandboxId) => ({ source, member: memberOf(members, sandboxId, archive.name) }));
  });
}

function memberOf(members: ReadonlyMap<string, IndexedMember>, sandboxId: string, archive: string): IndexedMember {
  const name = podFileName(sandboxId);
  const member = members.get(name);
  if (member !== undefined) return member;
  throw new PodfreightError('invalid-archive', `The archive ${archive} names ${name} in its manifest, but has none.`, {
    subject: { archive, member: name },
  });
}

/** In the order of names, whichever archives they came from; version and unknown fields are those of the first pod's. */
function mergedManifest(sources: readonly BundleSource[]): Manifest {
  const [first, ...others] = sources
    .map(({ manifest }) => ({ ...manifest, pods: (manifest.pods ?? []).toSorted(byName) }))
    .sort((a, b) => byName(a.pods[0]!, b.pods[0]!));
  let merged: Manifest = first!;
  for (const manifest of others) merged = mergeManifests(merged, manifest).manifest;
  return { ...merged, pods: (merged.pods ?? []).toSorted(byName) };
}

function newest(members: readonly SourceMember[]): Date {
  return new Date(Math.max(...members.map(({ member }) => member.modifiedAt.getTime())));
}

function describePods(chosen: readonly PodRecord[], members: readonly SourceMember[]): BundleRecord['pods'] {
  const sizes = new Map(members.map(({ member }) => [member.name, member.sizeBytes]));
  const pods = chosen.map(({ sandboxId, name, namespace, checkpointedAt, origin }) => ({
    sandboxId,
    name,
    namespace,
    checkpointedAt,
    sizeBytes: sizes.get(podFileName(sandboxId))!,
    origin,
  }));
  if (Buffer.byteLength(JSON.stringify(pods)) > PODS_BYTES_MAX) {
    throw new PodfreightError('unsupported', `${pods.length} pods are too many for one bundle; make several.`);
  }
  return pods;
}
