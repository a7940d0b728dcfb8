import { quoteText } from '../manifest/quote.ts';
import type { ByteRange } from '../range.ts';
import { isSandboxId } from '../sandbox-id.ts';
import type { ContainerArchive } from './container-look.ts';
import type { ContainerIdentity } from './identity.ts';
import { parseKubeletFileName } from './kubelet-file-name.ts';

/** A container archive in a kubelet's directory. */
export interface FoundArchive {
  readonly fileName: string;
  /** Of the file. */
  readonly sizeBytes: number;
  /** Of the file, where that is known: for archives of which neither engine nor name tells when they were taken. */
  readonly modifiedAt?: Date;
  readonly container: ContainerArchive;
}

/** Container archives of one pod, or of Podman's container without one. */
export interface PodGroup<Found extends FoundArchive = FoundArchive> {
  /** '' for Podman's, as the namespace. */
  readonly podName: string;
  readonly namespace: string;
  /** '' where no archive records it. */
  readonly podUid: string;
  /** Podman's pod's, or where there is none, its container's. */
  readonly sandboxId: string;
  /** By container, and of one container the newest first. */
  readonly archives: readonly Found[];
}

export interface Grouped<Found extends FoundArchive> {
  /** In the order in which the first archive of each was found. */
  readonly pods: readonly PodGroup<Found>[];
  /** What goes with no pod, and why: the end of a sentence. */
  readonly loose: readonly { readonly found: Found; readonly reason: string }[];
}

/** What Kubernetes allows. */
const NAME_MAX = 253;

/**
 * Puts together what engines recorded for the same pod: namespace, name, UID and sandbox ID. A pod restored or restarted in
 * another sandbox is another group.
 */
export function groupByPod<Found extends FoundArchive>(found: readonly Found[]): Grouped<Found> {
  const groups = new Map<string, PodGroup<Found> & { archives: Found[] }>();
  const loose: { found: Found; reason: string }[] = [];
  for (const archive of found) {
    const { podName, namespace, podUid = '', sandboxId, containerName } = addressOf(archive);
    if (podName === undefined || namespace === undefined || sandboxId === undefined || containerName === undefined) {
      loose.push({ found: archive, reason: 'its engine did not record a pod, a namespace, a sandbox and a container' });
    } else if ([podName, namespace, podUid, containerName].some((name) => name.length > NAME_MAX)) {
      loose.push({ found: archive, reason: `one of its names has more than ${NAME_MAX} characters` });
    } else if (!isSandboxId(sandboxId)) {
      loose.push({ found: archive, reason: `its SandboxID ${quoteText(sandboxId)} cannot be a file name` });
    } else {
      const key = JSON.stringify([namespace, podName, podUid, sandboxId]);
      const group = groups.get(key) ?? { podName, namespace, podUid, sandboxId, archives: [] };
      group.archives.push(archive);
      groups.set(key, group);
    }
  }
  const pods: PodGroup<Found>[] = [];
  const bySandbox = Map.groupBy(groups.values(), ({ sandboxId }) => sandboxId);
  for (const [sandboxId, claims] of bySandbox) {
    if (claims.length === 1)
      pods.push({ ...claims[0]!, archives: claims[0]!.archives.toSorted(byContainerThenNewest) });
    else {
      const reason = `${claims.length} different pods claim its SandboxID ${sandboxId}`;
      loose.push(...claims.flatMap(({ archives }) => archives).map((archive) => ({ found: archive, reason })));
    }
  }
  return { pods, loose };
}

/** Podman has pods only where it is told to, and then knows them by their IDs. */
function addressOf({ container: { identity } }: FoundArchive): Partial<ContainerIdentity> {
  if (identity.engine !== 'podman') return identity;
  return { ...identity, podName: '', namespace: '', sandboxId: identity.sandboxId ?? identity.containerId };
}

/** The group with just the newest archive of each container, as one entry of a manifest can hold. */
export function newestOfEach<Found extends FoundArchive>(group: PodGroup<Found>): PodGroup<Found> {
  const seen = new Set<string | undefined>();
  const archives = group.archives.filter(({ container }) => {
    const { containerName } = container.identity;
    return !seen.has(containerName) && seen.add(containerName);
  });
  return { ...group, archives };
}

/** When it was taken: as the engine recorded it, else as the kubelet's file name says. */
export function takenAt({ container, fileName }: FoundArchive): Date | undefined {
  return container.identity.checkpointedAt ?? parseKubeletFileName(fileName)?.instant;
}

/** For keys and tar headers, which have to have a time: as `takenAt`, else the file's. */
export function timeOf(found: FoundArchive): Date {
  return takenAt(found) ?? found.modifiedAt ?? new Date(0);
}

/**
 * The archive's own bytes in its file: without what an older, longer file left behind its end, which is no part of it and may
 * be another container's memory.
 */
export function archiveRange({ container, sizeBytes }: FoundArchive): ByteRange {
  return { start: 0, end: container.format === 'tar' ? container.endsAt : sizeBytes };
}

function byContainerThenNewest(a: FoundArchive, b: FoundArchive): number {
  const [nameA, nameB] = [a.container.identity.containerName!, b.container.identity.containerName!];
  if (nameA !== nameB) return nameA < nameB ? -1 : 1;
  const newer = timeOf(b).getTime() - timeOf(a).getTime();
  if (newer !== 0) return newer;
  return a.fileName < b.fileName ? -1 : 1;
}
