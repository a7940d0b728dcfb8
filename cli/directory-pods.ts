import { newestOfEach } from '../core/checkpoint/pod-groups.ts';
import { type ContainersPod, podOfContainers } from '../core/checkpoint/ship-containers.ts';
import { selectPods } from '../core/manifest/merge.ts';
import type { Watch } from '../core/shipment.ts';
import { digestsOf, kubeletNames, mayBeChosen, readArchives } from './directory-archives.ts';
import { oneFailure } from './kubelet/checkpoint-targets.ts';
import { KubeletDirectory, type Snapshot } from './kubelet-directory.ts';
import { checkMatched, isSelected, matchPods } from './pod-flag.ts';

/** All pods of a directory, held open. */
export interface DirectoryPods extends Snapshot {
  /** Where they were found: its manifest, or where there is none the directory. */
  readonly place: string;
  /** Names of container archives that are not among them: older ones of a container, and those of pods in the manifest. */
  readonly others: readonly string[];
}

/**
 * The pods of a kubelet directory, each once: those that its manifest names, then others of which there are container archives,
 * made of the newest of each container.
 * @param selectors as `matchPods`
 * @throws PodfreightError as `KubeletDirectory.snapshot`; of the archives that are not finished, or none
 */
export async function directoryPods(path: string, selectors: readonly string[], watch: Watch): Promise<DirectoryPods> {
  const directory = new KubeletDirectory(path);
  const { hasManifest, archives } = await kubeletNames(path).catch(() => ({ hasManifest: true, archives: [] })); // the snapshot will say
  if (archives.length === 0) {
    const snapshot = await directory.snapshot((manifest) => matchPods(manifest, selectors, path));
    return Object.assign(snapshot, { place: directory.manifestPath, others: [] });
  }
  const { groups, failures } = await readArchives(mayBeChosen(archives, selectors), watch);
  if (failures.length > 0) throw oneFailure(failures);
  const others: string[] = [];
  const made: ContainersPod[] = [];
  const listed = hasManifest ? ((await directory.readManifestIfAny())?.pods ?? []) : [];
  for (const group of groups) {
    const pod = { namespace: group.namespace, name: group.podName, sandboxId: group.sandboxId };
    if (!isSelected(pod, selectors)) continue;
    const isListed = listed.some(({ sandboxId }) => sandboxId === group.sandboxId);
    const newest = isListed ? { ...group, archives: [] } : newestOfEach(group);
    others.push(...group.archives.filter((one) => !newest.archives.includes(one)).map(({ fileName }) => fileName));
    if (!isListed) made.push(await podOfContainers(newest, digestsOf(newest)));
  }
  checkMatched([...listed, ...made.map(({ entry }) => entry)], selectors, path);
  const chosen = listed.filter((pod) => isSelected(pod, selectors)).map(({ sandboxId }) => sandboxId);
  const snapshot = hasManifest ? await directory.snapshot((manifest) => selectPods(manifest, chosen)) : undefined;
  const base = snapshot?.manifest ?? { version: 0n, pods: [], unknown: [] };
  return {
    place: hasManifest ? directory.manifestPath : path,
    manifest: { ...base, pods: [...(base.pods ?? []), ...made.map(({ entry }) => entry)] },
    pods: [...(snapshot?.pods ?? []), ...made.map(({ file }) => file)],
    others,
    [Symbol.asyncDispose]: async () => await snapshot?.[Symbol.asyncDispose](),
  };
}
