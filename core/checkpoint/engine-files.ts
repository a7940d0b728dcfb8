import { JsonObject } from './json-object.ts';

/** Files at the root of a container archive in which its engine says what it holds. */
export const CONFIG_DUMP = 'config.dump';
export const SPEC_DUMP = 'spec.dump';
/** containerd's alone. */
export const STATUS_DUMP = 'status.dump';

/**
 * The engine's own record. CRI-O and containerd write checkpointctl's few fields, Podman all it knows of a container.
 * @see https://github.com/checkpoint-restore/checkpointctl/blob/main/lib/metadata.go ContainerConfig
 */
export interface ConfigDump {
  readonly id: string | undefined;
  readonly name: string | undefined;
  /** Podman: the pod's ID. */
  readonly pod: string | undefined;
  readonly image: string | undefined;
  readonly imageName: string | undefined;
  readonly imageRef: string | undefined;
  /** Podman. */
  readonly imageId: string | undefined;
  /** Podman: as the user named it. */
  readonly rawImageName: string | undefined;
  readonly runtime: string | undefined;
  readonly createdAt: Date | undefined;
  readonly checkpointedAt: Date | undefined;
  readonly restoredAt: Date | undefined;
}

/** @throws PodfreightError `invalid-archive` */
export function readConfigDump(bytes: Buffer, archive: string): ConfigDump {
  const config = JsonObject.parse(bytes, archive, CONFIG_DUMP);
  return {
    id: config.text('id'),
    name: config.text('name'),
    pod: config.text('pod'),
    image: config.text('rootfsImage'),
    imageName: config.text('rootfsImageName'),
    imageRef: config.text('rootfsImageRef'),
    imageId: config.text('rootfsImageID'),
    rawImageName: config.text('RawImageName'),
    runtime: config.text('runtime'),
    createdAt: config.time('createdTime'),
    checkpointedAt: config.time('checkpointedTime'),
    restoredAt: config.time('restoredTime'),
  };
}

/** Labels and annotations that the kubelet gives every container. @see kubernetes, pkg/kubelet/kuberuntime/labels.go */
export const POD_NAME = 'io.kubernetes.pod.name';
export const POD_NAMESPACE = 'io.kubernetes.pod.namespace';
export const POD_UID = 'io.kubernetes.pod.uid';
export const CONTAINER_NAME = 'io.kubernetes.container.name';
const NOTES = [
  'io.kubernetes.pod.terminationGracePeriod',
  'io.kubernetes.container.restartCount',
  'io.kubernetes.container.terminationMessagePath',
  'io.kubernetes.container.terminationMessagePolicy',
  'kubernetes.io/config.source',
  'kubernetes.io/config.seen',
] as const;
/** What the kubelet says that is no name. */
export type KubeletNote = (typeof NOTES)[number];
export const KUBELET_NOTES: readonly KubeletNote[] = NOTES;

const KUBELET_KEYS = [POD_NAME, POD_NAMESPACE, POD_UID, CONTAINER_NAME, ...NOTES];

export const MANAGER = 'io.container.manager';
/** @see cri-o, internal/annotations and internal/factory/container/container.go */
export const CRIO = {
  sandboxId: 'io.kubernetes.cri-o.SandboxID',
  imageName: 'io.kubernetes.cri-o.ImageName',
  ip: 'io.kubernetes.cri-o.IP.0',
  secondIp: 'io.kubernetes.cri-o.IP.1',
} as const;
/** Annotations of CRI-O with more than a name in them: JSON, but for the digests, between which stand commas. */
const CRIO_LONG = {
  metadata: 'io.kubernetes.cri-o.Metadata',
  labels: 'io.kubernetes.cri-o.Labels',
  annotations: 'io.kubernetes.cri-o.Annotations',
  imageDigests: 'io.kubernetes.cri-o.ImageRepoDigests',
} as const;
/** As many characters of annotations Kubernetes allows in all. */
const LONG_MAX = 256 * 1024;
/** @see containerd, internal/cri/annotations/annotations.go */
export const CONTAINERD = {
  podName: 'io.kubernetes.cri.sandbox-name',
  namespace: 'io.kubernetes.cri.sandbox-namespace',
  podUid: 'io.kubernetes.cri.sandbox-uid',
  sandboxId: 'io.kubernetes.cri.sandbox-id',
  containerName: 'io.kubernetes.cri.container-name',
} as const;

export type Texts = ReadonlyMap<string, string>;

/** Of the OCI runtime specification the annotations that say whose it is. */
export interface SpecDump {
  readonly annotations: Texts;
  /** CRI-O: what it keeps of the kubelet's labels and annotations as JSON, and the container's name of CRI's metadata. */
  readonly crio: {
    readonly labels: Texts;
    readonly annotations: Texts;
    readonly containerName: string | undefined;
    readonly imageDigest: string | undefined;
  };
}

/** @throws PodfreightError `invalid-archive` */
export function readSpecDump(bytes: Buffer, archive: string): SpecDump {
  const all = JsonObject.parse(bytes, archive, SPEC_DUMP).object('annotations');
  const wanted = [MANAGER, ...KUBELET_KEYS, ...Object.values(CRIO), ...Object.values(CONTAINERD)];
  const long = all.texts(Object.values(CRIO_LONG), LONG_MAX);
  const nested = (key: string) => JsonObject.parse(Buffer.from(long.get(key) || '{}'), archive, SPEC_DUMP);
  return {
    annotations: all.texts(wanted),
    crio: {
      labels: nested(CRIO_LONG.labels).texts(KUBELET_KEYS),
      annotations: nested(CRIO_LONG.annotations).texts(KUBELET_KEYS),
      containerName: nested(CRIO_LONG.metadata).text('name'),
      imageDigest: digestOf(long.get(CRIO_LONG.imageDigests)?.split(',')[0]),
    },
  };
}

/** Of `name@sha256:…`. */
export function digestOf(reference: string | undefined): string | undefined {
  return /@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.exec(reference ?? '')?.[1];
}

/** The kubelet's part of CRI's ContainerStatus. */
export interface StatusDump {
  readonly containerName: string | undefined;
  readonly labels: Texts;
  readonly annotations: Texts;
}

/** @throws PodfreightError `invalid-archive` */
export function readStatusDump(bytes: Buffer, archive: string): StatusDump {
  const status = JsonObject.parse(bytes, archive, STATUS_DUMP);
  return {
    containerName: status.object('metadata').text('name'),
    labels: status.object('labels').texts(KUBELET_KEYS),
    annotations: status.object('annotations').texts(KUBELET_KEYS),
  };
}
