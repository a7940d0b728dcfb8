import { invalidArchive } from '../archive/refusal.ts';
import { quoteText } from '../manifest/quote.ts';
import {
  CONTAINER_NAME,
  CONTAINERD,
  type ConfigDump,
  CRIO,
  digestOf,
  KUBELET_NOTES,
  type KubeletNote,
  MANAGER,
  POD_NAME,
  POD_NAMESPACE,
  POD_UID,
  SPEC_DUMP,
  type SpecDump,
  type StatusDump,
  type Texts,
} from './engine-files.ts';

export type Engine = 'cri-o' | 'containerd' | 'podman';

/**
 * Whose checkpoint a container archive holds, as its engine recorded it inside: never from a file name. What it did not
 * record is undefined. Texts are foreign and may hold anything, of at most 4096 characters.
 */
export interface ContainerIdentity {
  readonly engine: Engine | undefined;
  /** The annotation `io.container.manager`, which containerd does not write. */
  readonly manager: string | undefined;
  readonly containerId: string | undefined;
  /** Within its pod; Podman's is its own. */
  readonly containerName: string | undefined;
  readonly podName: string | undefined;
  readonly namespace: string | undefined;
  readonly podUid: string | undefined;
  readonly sandboxId: string | undefined;
  readonly image: ImageIdentity;
  /** CRI-O: the handler; containerd: the shim; Podman: the program. */
  readonly runtime: string | undefined;
  readonly createdAt: Date | undefined;
  /** Podman records none. */
  readonly checkpointedAt: Date | undefined;
  /** Of a container that itself came out of a checkpoint. */
  readonly restoredAt: Date | undefined;
  /** CRI-O alone records them. */
  readonly podIPs: readonly string[];
  readonly kubelet: ReadonlyMap<KubeletNote, string>;
}

export interface ImageIdentity {
  /** As the pod's specification, or Podman's user, asked for it. */
  readonly requested: string | undefined;
  readonly name: string | undefined;
  /** Of its configuration: hexadecimal, with or without `sha256:`. */
  readonly id: string | undefined;
  /** Of its manifest, as in `sha256:…`. Podman records none. */
  readonly digest: string | undefined;
}

/** What the three engines record in different places. */
type Recorded = Pick<
  ContainerIdentity,
  'containerName' | 'podName' | 'namespace' | 'podUid' | 'sandboxId' | 'image' | 'createdAt' | 'podIPs' | 'kubelet'
>;

/**
 * Puts together what the files of one container archive say.
 * @param archive its name, for messages
 * @throws PodfreightError `invalid-archive` when they contradict each other
 */
export function identify(
  config: ConfigDump,
  spec: SpecDump,
  status: StatusDump | undefined,
  archive: string,
): ContainerIdentity {
  const { annotations } = spec;
  const manager = annotations.get(MANAGER) || undefined;
  const engine = engineOf(manager, annotations);
  const recorded = { 'cri-o': byCrio, containerd: byContainerd, podman: byPodman }[engine ?? 'podman'];
  const { id, runtime, checkpointedAt, restoredAt } = config;
  return {
    ...{ engine, manager, containerId: id, runtime, checkpointedAt, restoredAt },
    ...recorded(config, spec, status, archive),
  };
}

function engineOf(manager: string | undefined, annotations: Texts): Engine | undefined {
  if (manager === 'cri-o') return 'cri-o';
  if (manager === 'libpod') return 'podman';
  const isContainerd = manager === undefined && Object.values(CONTAINERD).some((key) => annotations.has(key));
  return isContainerd ? 'containerd' : undefined;
}

/** The kubelet's labels and annotations stand there twice: each by itself, and all of them as JSON. */
function byCrio(config: ConfigDump, spec: SpecDump, _: StatusDump | undefined, archive: string): Recorded {
  const { annotations, crio } = spec;
  const say = (key: string, ...more: (string | undefined)[]) =>
    agreed(key, [annotations.get(key), crio.labels.get(key), crio.annotations.get(key), ...more], archive);
  const { image, imageName, imageRef, createdAt } = config;
  return {
    containerName: say(CONTAINER_NAME, crio.containerName),
    podName: say(POD_NAME),
    namespace: say(POD_NAMESPACE),
    podUid: say(POD_UID),
    sandboxId: annotations.get(CRIO.sandboxId) || undefined,
    image: {
      requested: image,
      name: imageName ?? (annotations.get(CRIO.imageName) || undefined),
      id: imageRef,
      digest: crio.imageDigest,
    },
    createdAt,
    podIPs: [annotations.get(CRIO.ip), annotations.get(CRIO.secondIp)].filter((ip) => ip !== undefined),
    kubelet: notesBy(say),
  };
}

/** The pod stands in the specification, and what the kubelet said in the status. */
function byContainerd(
  config: ConfigDump,
  { annotations }: SpecDump,
  status: StatusDump | undefined,
  archive: string,
): Recorded {
  const say = (key: string, ...more: (string | undefined)[]) =>
    agreed(key, [...more, status?.labels.get(key), status?.annotations.get(key)], archive);
  const { image, imageName, imageRef, createdAt } = config;
  const digest = digestOf(imageRef);
  return {
    containerName: say(CONTAINER_NAME, annotations.get(CONTAINERD.containerName), status?.containerName),
    podName: say(POD_NAME, annotations.get(CONTAINERD.podName)),
    namespace: say(POD_NAMESPACE, annotations.get(CONTAINERD.namespace)),
    podUid: say(POD_UID, annotations.get(CONTAINERD.podUid)) ?? uidInName(config.name),
    sandboxId: annotations.get(CONTAINERD.sandboxId) || undefined,
    image: { requested: image, name: imageName, id: digest === undefined ? imageRef : undefined, digest },
    createdAt,
    podIPs: [],
    kubelet: notesBy(say),
  };
}

function byPodman({ name, pod, rawImageName, imageName, imageId, createdAt }: ConfigDump): Recorded {
  return {
    containerName: name,
    podName: undefined,
    namespace: undefined,
    podUid: undefined,
    sandboxId: pod,
    image: { requested: rawImageName, name: imageName, id: imageId, digest: undefined },
    createdAt,
    podIPs: [],
    kubelet: new Map(),
  };
}

/** What all say who say anything. */
function agreed(key: string, said: readonly (string | undefined)[], archive: string): string | undefined {
  const [first, second] = new Set(said.filter((text) => text));
  if (second === undefined) return first;
  const both = `${quoteText(first!)} and ${quoteText(second)}`;
  throw invalidArchive(archive, `and what belongs to it contradict each other: ${key} is ${both}`, SPEC_DUMP);
}

function notesBy(say: (key: KubeletNote) => string | undefined): ReadonlyMap<KubeletNote, string> {
  const notes = KUBELET_NOTES.map((key) => [key, say(key)] as const);
  return new Map(notes.filter((note): note is [KubeletNote, string] => note[1] !== undefined));
}

/**
 * Of `<container>_<pod>_<namespace>_<uid>_<attempt>`, none of which can hold a `_`.
 * @see containerd, internal/cri/server/helpers.go makeContainerName
 */
function uidInName(name: string | undefined): string | undefined {
  const parts = name?.split('_') ?? [];
  return parts.length === 5 ? parts[3] : undefined;
}
