import type { Archive } from '../../core/archive/reader.ts';
import type { ContainerSummary } from '../../core/checkpoint/container-summary.ts';
import type { PodfreightError } from '../../core/errors.ts';
import type { Manifest, ManifestPod } from '../../core/manifest/manifest.ts';
import type { ByteSource } from '../../core/ports.ts';
import { isSandboxId, MANIFEST_NAME, podFileName } from '../../core/sandbox-id.ts';
import type { CommandContext } from '../command.ts';
import { WatchedSource } from '../watched-source.ts';

/** What a look at one thing tells. */
export type Sight = PodsSight | ContainersSight;

interface Seen {
  /** What was looked at: the path or URL of an archive, or the path of a directory's manifest. */
  readonly source: string;
  /** Of the archive; undefined for a directory's manifest. */
  readonly sizeBytes: number | undefined;
  /** Checkpoints that are container archives, or lie in a pod's archive. */
  readonly containers: readonly ContainerSummary[];
}

/** A manifest, in a kubelet directory or an archive. */
export interface PodsSight extends Seen {
  readonly kind: 'pods';
  readonly manifest: Manifest;
  /** Whether the pod's file is there. */
  isFound(pod: ManifestPod): boolean;
  /** The newest pod's time, where it is known without reading everything. */
  readonly modifiedAt: Date | undefined;
}

/** The archive of one container, or of the containers of one pod. */
export interface ContainersSight extends Seen {
  readonly kind: 'container' | 'pod';
}

/** What could not be looked at, and why. */
export interface Failed {
  readonly kind: 'failed';
  readonly source: string;
  readonly error: PodfreightError;
}

/**
 * Looks at an archive of any generation where it lies: of a plain one at its headers and a few small files, of a compressed
 * one in a single pass, of one with an index at that.
 * @param fileName the archive's own name, without the folder
 * @throws PodfreightError as `openCheckpoint`, `invalid-manifest`, and the signal's reason
 */
export async function lookAtArchive(source: ByteSource, fileName: string, context: CommandContext): Promise<Sight> {
  // Here, because a look at a kubelet directory's manifest needs none of it.
  const [{ openCheckpoint }, { summariseArchive, summarisePod }] = await Promise.all([
    import('../../core/checkpoint/checkpoint.ts'),
    import('../../core/checkpoint/container-summary.ts'),
  ]);
  using watched = new WatchedSource(source, context);
  const { name, sizeBytes } = source;
  const checkpoint = await openCheckpoint(watched);
  switch (checkpoint.kind) {
    case 'container': {
      const { kind, container } = checkpoint;
      return { kind, source: name, sizeBytes, containers: [summariseArchive({ fileName, sizeBytes, container })] };
    }
    case 'pod':
      return { kind: checkpoint.kind, source: name, sizeBytes, containers: summarisePod(checkpoint.pod) };
    case 'pods': {
      const { manifest } = await checkpoint.archive.manifest();
      const { names, modifiedAt } = await membersOf(checkpoint.archive);
      return {
        kind: 'pods',
        source: name,
        sizeBytes,
        manifest,
        containers: await containersOf(manifest, `${MANIFEST_NAME} in ${name}`),
        isFound: ({ sandboxId }) => isSandboxId(sandboxId) && names.has(podFileName(sandboxId)),
        modifiedAt,
      };
    }
  }
}

/**
 * The container archives that a manifest tells of.
 * @param file what messages call it
 * @throws PodfreightError `invalid-manifest`
 */
export async function containersOf({ pods }: Manifest, file: string): Promise<ContainerSummary[]> {
  const candidates = (pods ?? []).filter(({ unknown }) => unknown.length > 0);
  if (candidates.length === 0) return [];
  const { summariseEntry } = await import('../../core/checkpoint/container-summary.ts');
  return candidates.flatMap((pod) => summariseEntry(pod, file));
}

/** An archive that does not tell where its members lie has to be decoded as a whole. */
async function membersOf(archive: Archive): Promise<{ names: ReadonlySet<string>; modifiedAt: Date | undefined }> {
  const names = new Set<string>();
  let modifiedMs = Number.NEGATIVE_INFINITY;
  for await (const { name, modifiedAt } of (await archive.layout()) ?? membersInOrder(archive)) {
    names.add(name);
    if (name !== MANIFEST_NAME) modifiedMs = Math.max(modifiedMs, modifiedAt.getTime());
  }
  return { names, modifiedAt: Number.isFinite(modifiedMs) ? new Date(modifiedMs) : undefined };
}

async function* membersInOrder(archive: Archive) {
  for await (const { member, data } of archive.members()) {
    yield member;
    for await (const _ of data);
  }
}
