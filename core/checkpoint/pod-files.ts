import { invalidArchive } from '../archive/refusal.ts';
import { quoteText } from '../manifest/quote.ts';
import { JsonObject } from './json-object.ts';

/** Files at the root of a pod archive. */
export const POD_OPTIONS = 'pod.options';
export const POD_DUMP = 'pod.dump';

/** What a pod archive says whose it is. What it does not say is undefined. */
export interface PodIdentity {
  readonly podName: string | undefined;
  readonly namespace: string | undefined;
  readonly podUid: string | undefined;
  readonly sandboxId: string | undefined;
  readonly hostname: string | undefined;
}

export interface PodOptions {
  /**
   * `list` is what CRI-O's proof of concept wrote in 2021, `map` what was proposed for CRI-O and containerd in 2026.
   * @see https://github.com/checkpoint-restore/checkpointctl/blob/main/lib/metadata.go CheckpointedPodOptions
   */
  readonly form: 'list' | 'map';
  /** Each name and each entry once. */
  readonly containers: readonly PodEntry[];
  readonly annotations: ReadonlyMap<string, string>;
}

export interface PodEntry {
  /** The container's name within the pod. */
  readonly name: string;
  /** What its archive `<entry>.tar`, or its directory, is called. */
  readonly entry: string;
}

/** Annotations of the form of 2026. @see checkpointctl, lib/annotations.go */
export const POD_ANNOTATIONS = {
  podName: 'org.criu.checkpoint.pod.name',
  namespace: 'org.criu.checkpoint.pod.namespace',
  podUid: 'org.criu.checkpoint.pod.uid',
  sandboxId: 'org.criu.checkpoint.pod.id',
  engine: 'org.criu.checkpoint.engine.name',
} as const;

/** Kubernetes has pods of some dozens; of each at most some 300 KB are kept. */
export const CONTAINERS_MAX = 250;

/** @throws PodfreightError `invalid-archive` */
export function readPodOptions(bytes: Buffer, archive: string): PodOptions {
  const options = JsonObject.parse(bytes, archive, POD_OPTIONS);
  const list = options.list('containers');
  const containers = list
    ? list.map((entry) => ({ name: shortName(entry), entry }))
    : [...options.object('containers').texts()].map(([name, entry]) => ({ name, entry }));
  if (containers.length > CONTAINERS_MAX) {
    throw invalidArchive(archive, `names more than ${CONTAINERS_MAX} containers`, POD_OPTIONS);
  }
  for (const texts of [containers.map(({ name }) => name), containers.map(({ entry }) => entry)]) {
    const twice = texts.find((text, i) => texts.indexOf(text) < i);
    if (twice !== undefined) throw invalidArchive(archive, `names ${quoteText(twice)} twice`, POD_OPTIONS);
  }
  const annotations = options.object('annotations').texts(Object.values(POD_ANNOTATIONS));
  return { form: list ? 'list' : 'map', containers, annotations };
}

/** Of `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`; anything else is the name itself. */
function shortName(entry: string): string {
  const parts = entry.split('_');
  return parts.length > 5 ? parts[1]! : entry;
}

/**
 * Puts together what `pod.dump`, CRI's PodSandboxConfig, and the annotations of `pod.options` say.
 * @throws PodfreightError `invalid-archive`, also when they contradict each other
 */
export function readPodDump(bytes: Buffer, { annotations }: PodOptions, archive: string): PodIdentity {
  const dump = JsonObject.parse(bytes, archive, POD_DUMP);
  const metadata = dump.object('metadata');
  const agreed = (key: string, annotation: string) => {
    const said = metadata.text(key);
    const noted = annotations.get(annotation) || undefined;
    if (said === undefined || noted === undefined || said === noted) return said ?? noted;
    const both = `${quoteText(said)} and ${quoteText(noted)}`;
    throw invalidArchive(archive, `and ${POD_OPTIONS} contradict each other: the ${key} is ${both}`, POD_DUMP);
  };
  return {
    podName: agreed('name', POD_ANNOTATIONS.podName),
    namespace: agreed('namespace', POD_ANNOTATIONS.namespace),
    podUid: agreed('uid', POD_ANNOTATIONS.podUid),
    sandboxId: annotations.get(POD_ANNOTATIONS.sandboxId) || undefined,
    hostname: dump.text('hostname'),
  };
}
