import { formatRfc3339, parseRfc3339, type ZonedTime } from './rfc3339.ts';

/**
 * What the kubelet's name of a container archive says for sure. Where the namespace ends and the container begins it does
 * not say, because both may hold `-`: take names from what is inside, and compare them with `fitsFileName`.
 */
export interface KubeletFileName extends ZonedTime {
  readonly pod: string;
  /** `<namespace>-<container>`. */
  readonly namespaceAndContainer: string;
}

/** Whose checkpoint it is. */
export interface ContainerAddress {
  readonly pod: string;
  readonly namespace: string;
  readonly container: string;
}

const PREFIX = 'checkpoint-';
const SUFFIX = '.tar';
/** Lower-case letters, digits, `-`, `.`: what Kubernetes lets names of pods, namespaces and containers be made of. */
const POD = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
const NAMESPACE_AND_CONTAINER = /^[a-z0-9][a-z0-9-]*-[a-z0-9-]*[a-z0-9]$/;
const TIME = /-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))$/;

/** What a directory entry can be called. */
const NAME_BYTES_MAX = 255;

/**
 * Reads `checkpoint-<pod>_<namespace>-<container>-<time>.tar`, the time in the node's zone and whole seconds: from the right
 * the time, from the left the pod up to the only `_`.
 * @returns undefined when the name is not of this form
 * @see https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/kubelet.go CheckpointContainer
 */
export function parseKubeletFileName(name: string): KubeletFileName | undefined {
  if (!name.startsWith(PREFIX) || !name.endsWith(SUFFIX) || name.length > NAME_BYTES_MAX) return undefined;
  const stem = name.slice(PREFIX.length, -SUFFIX.length);
  const found = TIME.exec(stem);
  const time = parseRfc3339(found?.[1] ?? '');
  if (found === null || time === undefined) return undefined;
  const [pod, namespaceAndContainer, ...more] = stem.slice(0, found.index).split('_');
  if (pod === undefined || namespaceAndContainer === undefined || more.length > 0) return undefined;
  if (!POD.test(pod) || !NAMESPACE_AND_CONTAINER.test(namespaceAndContainer)) return undefined;
  return { pod, namespaceAndContainer, ...time };
}

/** The name that a kubelet in this zone gives. */
export function formatKubeletFileName({ pod, namespace, container }: ContainerAddress, time: ZonedTime): string {
  return `${PREFIX}${pod}_${namespace}-${container}-${formatRfc3339(time)}${SUFFIX}`;
}

/** Whether the kubelet would give a checkpoint of this container that name, whatever the time. */
export function fitsFileName(address: ContainerAddress, name: KubeletFileName): boolean {
  return name.pod === address.pod && name.namespaceAndContainer === `${address.namespace}-${address.container}`;
}
