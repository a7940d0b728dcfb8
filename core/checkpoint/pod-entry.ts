import { PodfreightError } from '../errors.ts';
import type { ManifestContainer, ManifestPod } from '../manifest/manifest.ts';
import { rangeLength } from '../range.ts';
import { type ContainerRecord, recordsField } from './container-records.ts';
import type { KubeletNote } from './engine-files.ts';
import { archiveRange, type FoundArchive, type PodGroup, takenAt } from './pod-groups.ts';

/**
 * The manifest's entry for a pod whose file `planPodTar` makes: fields of the first checkpointctl from what the engine
 * recorded, and one of ours that says which archive is which (docs/format.md, "Container archives").
 * @param digests file name → SHA-256 of the archive's own bytes (`archiveRange`), hexadecimal; what is not there is left out
 */
export function podEntry(group: PodGroup, digests: ReadonlyMap<string, string> = new Map()): ManifestPod {
  const { podName, namespace, podUid, sandboxId, archives } = group;
  checkEachOnce(group);
  const note = (key: KubeletNote) => agreed(archives.map(({ container }) => container.identity.kubelet.get(key)));
  const podIPs = archives.map(({ container }) => container.identity.podIPs).find((ips) => ips.length > 0) ?? [];
  return {
    uid: podUid,
    sandboxId,
    name: podName,
    terminationGracePeriod: BigInt(digits(note('io.kubernetes.pod.terminationGracePeriod'))),
    namespace,
    configSource: note('kubernetes.io/config.source'),
    configSeen: note('kubernetes.io/config.seen'),
    manager: agreed(archives.map(({ container }) => container.identity.manager)),
    containers: archives.map(containerEntry),
    hostIP: '',
    podIP: podIPs[0] ?? '',
    podIPs,
    unknown: [recordsField(archives.map((found) => recordOf(found, digests.get(found.fileName) ?? '')))],
  };
}

function checkEachOnce({ sandboxId, archives }: PodGroup): void {
  const names = new Set(archives.map(({ container }) => container.identity.containerName));
  if (names.size === archives.length && archives.length > 0) return;
  throw new PodfreightError('internal', `Pod ${sandboxId} does not have one archive of each container.`);
}

function containerEntry({ container: { identity } }: FoundArchive): ManifestContainer {
  const { containerName, containerId, kubelet } = identity;
  return {
    name: containerName ?? '',
    id: containerId ?? '',
    terminationMessagePath: kubelet.get('io.kubernetes.container.terminationMessagePath') ?? '',
    terminationMessagePolicy: kubelet.get('io.kubernetes.container.terminationMessagePolicy') ?? '',
    restartCount: Number(digits(kubelet.get('io.kubernetes.container.restartCount') ?? '')),
    terminationMessagePathUID: '',
    image: imageOf(identity),
    unknown: [],
  };
}

/** What the manifest says of one archive. @param sha256 of the archive's own bytes, or '' where nobody computed it */
export function recordOf(found: FoundArchive, sha256: string): ContainerRecord {
  const { identity, format, checkpointBytes, rootfsDiffBytes = 0 } = found.container;
  const { containerName, containerId, engine, runtime, image, createdAt, restoredAt } = identity;
  return {
    file: found.fileName,
    container: containerName ?? '',
    containerId: containerId ?? '',
    engine: engine ?? '',
    runtime: runtime ?? '',
    image: imageOf(identity),
    imageDigest: image.digest ?? '',
    createdAt: createdAt?.toISOString() ?? '',
    checkpointedAt: takenAt(found)?.toISOString() ?? '',
    restoredAt: restoredAt?.toISOString() ?? '',
    format,
    sizeBytes: rangeLength(archiveRange(found)),
    checkpointBytes,
    rootfsDiffBytes,
    sha256,
    unknown: [],
  };
}

function imageOf({ image }: FoundArchive['container']['identity']): string {
  return image.requested ?? image.name ?? '';
}

/** What all say that say anything; '' when they do not agree. */
function agreed(said: readonly (string | undefined)[]): string {
  const [only, ...more] = new Set(said.filter((text) => text !== undefined));
  return more.length === 0 ? (only ?? '') : '';
}

/** At most nine, so that any integer of the manifest holds them; anything else is none. */
function digits(text: string): string {
  return /^\d{1,9}$/.test(text) ? text : '0';
}
