import type { ManifestPod } from '../manifest/manifest.ts';
import { podFileName } from '../sandbox-id.ts';
import { archiveMemberName } from './archive-file-name.ts';
import { type ContainerRecord, containerRecords } from './container-records.ts';
import { recordOf } from './pod-entry.ts';
import type { FoundArchive } from './pod-groups.ts';
import type { PodArchive } from './pod-look.ts';

/**
 * The checkpoint of one container as people and programs are shown it, whatever it was found in: what the manifest of a pod
 * says of it, and whose it is. What is not recorded is '', and 0 bytes are as good as none.
 */
export interface ContainerSummary extends Omit<ContainerRecord, 'unknown'>, PodSummary {}

interface PodSummary {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly sandboxId: string;
  readonly podIPs: readonly string[];
}

export function summariseArchive(found: FoundArchive): ContainerSummary {
  const { namespace = '', podName = '', podUid = '', sandboxId = '', podIPs } = found.container.identity;
  return { namespace, pod: podName, podUid, sandboxId, podIPs, ...withoutUnknown(recordOf(found, '')) };
}

/** In the order of `pod.options`. What that and `pod.dump` do not say, the containers' own files may. */
export function summarisePod(pod: PodArchive): ContainerSummary[] {
  return pod.containers.map(({ name, entry, checkpoint, archive }) => {
    // A container in a directory has no archive of its own: of that, there is nothing to say.
    const extent = archive ?? { format: 'tar', endsAt: 0, tailBytes: 0 };
    const fileName = archive === undefined ? entry : archiveMemberName(entry);
    const container = { ...checkpoint, ...extent, name: fileName };
    const { endsAt: sizeBytes } = extent;
    const summary = summariseArchive({ fileName, sizeBytes, container });
    return {
      ...summary,
      namespace: pod.namespace ?? summary.namespace,
      pod: pod.podName ?? summary.pod,
      podUid: pod.podUid ?? summary.podUid,
      sandboxId: pod.sandboxId ?? summary.sandboxId,
      container: name,
      ...(archive === undefined && { format: '' }),
    };
  });
}

/**
 * As its entry in the manifest says, without a look at its file: nothing for a pod whose file is what its engine wrote.
 * @param file what messages call the manifest
 * @throws PodfreightError `invalid-manifest`
 */
export function summariseEntry(pod: ManifestPod, file?: string): ContainerSummary[] {
  const summary = podSummary(pod);
  return (containerRecords(pod, file) ?? []).map((record) => ({ ...summary, ...withoutUnknown(record) }));
}

/** Just what the first checkpointctl's fields say of a pod's containers, for a pod of any kind. Its SandboxID is valid. */
export function summariseFields(pod: ManifestPod): ContainerSummary[] {
  const summary = podSummary(pod);
  return (pod.containers ?? []).map(({ name, id, image }) => ({
    ...summary,
    ...{ file: podFileName(pod.sandboxId), container: name, containerId: id, engine: pod.manager, runtime: '' },
    ...{ image, imageDigest: '', createdAt: '', checkpointedAt: '', restoredAt: '', format: '' },
    ...{ sizeBytes: 0, checkpointBytes: 0, rootfsDiffBytes: 0, sha256: '' },
  }));
}

function podSummary({ namespace, name, uid, sandboxId, podIPs }: ManifestPod): PodSummary {
  return { namespace, pod: name, podUid: uid, sandboxId, podIPs };
}

function withoutUnknown({ unknown: _, ...record }: ContainerRecord): Omit<ContainerRecord, 'unknown'> {
  return record;
}
