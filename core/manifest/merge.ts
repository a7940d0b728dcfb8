import { PodfreightError } from '../errors.ts';
import { formatPod, type Manifest, type ManifestPod } from './manifest.ts';

export interface MergedManifest {
  readonly manifest: Manifest;
  /** Pods of `additions` that `base` did not have. */
  readonly added: readonly ManifestPod[];
  /** Pods in both with equal entries. */
  readonly unchanged: readonly ManifestPod[];
  /** Pods in both whose entries differ. A caller that wants no surprises refuses when there are any. */
  readonly conflicts: readonly ManifestConflict[];
}

export interface ManifestConflict {
  readonly base: ManifestPod;
  readonly addition: ManifestPod;
}

/**
 * The pods of `base`, then those of `additions` that are new, both in their order: what the old `insert` did, without its
 * doubles. Version and unknown fields are the base's; without a base, the additions' own. Both are checked (`checkManifest`).
 * @param onConflict whose entry stays, in the base's place, where the entries of a pod differ
 */
export function mergeManifests(
  base: Manifest | undefined,
  additions: Manifest,
  onConflict: 'keep' | 'replace' = 'keep',
): MergedManifest {
  if (base === undefined) {
    return { manifest: additions, added: additions.pods ?? [], unchanged: [], conflicts: [] };
  }
  const pods = new Map((base.pods ?? []).map((pod) => [pod.sandboxId, pod]));
  const added: ManifestPod[] = [];
  const unchanged: ManifestPod[] = [];
  const conflicts: ManifestConflict[] = [];

  for (const pod of additions.pods ?? []) {
    const present = pods.get(pod.sandboxId);
    if (present === undefined) {
      added.push(pod);
      pods.set(pod.sandboxId, pod);
    } else if (formatPod(present) === formatPod(pod)) {
      unchanged.push(pod);
    } else {
      conflicts.push({ base: present, addition: pod });
      if (onConflict === 'replace') pods.set(pod.sandboxId, pod);
    }
  }
  const nothing = base.pods === null && pods.size === 0;
  return { manifest: { ...base, pods: nothing ? null : [...pods.values()] }, added, unchanged, conflicts };
}

/**
 * The manifest with just the pods of these SandboxIDs, in its own order.
 * @throws PodfreightError `not-found`, naming all that are not there
 */
export function selectPods(manifest: Manifest, sandboxIds: Iterable<string>): Manifest {
  const wanted = new Set(sandboxIds);
  const pods = (manifest.pods ?? []).filter((pod) => wanted.has(pod.sandboxId));
  const found = new Set(pods.map((pod) => pod.sandboxId));
  const missing = [...wanted].filter((sandboxId) => !found.has(sandboxId));
  if (missing.length > 0) {
    throw new PodfreightError('not-found', `The manifest has no pod with SandboxID ${missing.join(', ')}.`, {
      subject: { sandboxIds: missing },
    });
  }
  return { ...manifest, pods };
}

/** The manifest without entries that say the same as an earlier one. */
export function withoutRepeats(manifest: Manifest): Manifest {
  if (manifest.pods === null) return manifest;
  const seen = new Set<string>();
  const pods = manifest.pods.filter((pod) => {
    const text = formatPod(pod);
    return !seen.has(text) && seen.add(text);
  });
  return pods.length === manifest.pods.length ? manifest : { ...manifest, pods };
}
