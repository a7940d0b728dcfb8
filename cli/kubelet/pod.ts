import { isLabel, isSubdomain } from './target.ts';

/** What of a Kubernetes `Pod` decides what to checkpoint, and where. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** Absent until it is scheduled. */
  readonly nodeName?: string;
  /** Names of the containers that run: ordinary ones, then sidecars. Without ephemeral ones, which people debug with. */
  readonly running: readonly string[];
}

/** Reads a `Pod` as the API server and the kubelet write it; undefined when it is none. */
export function readPod(value: unknown): Pod | undefined {
  const { metadata, spec, status } = fields(value);
  const { namespace, name } = fields(metadata);
  const { nodeName } = fields(spec);
  const { containerStatuses, initContainerStatuses } = fields(status);
  if (typeof namespace !== 'string' || typeof name !== 'string') return undefined;
  return {
    namespace,
    name,
    ...(typeof nodeName === 'string' && isSubdomain(nodeName) && { nodeName }),
    running: [...items(containerStatuses), ...items(initContainerStatuses)].flatMap(runningName),
  };
}

/** Reads a `PodList`; what in it is no pod is left out, and undefined when it is no list. */
export function readPodList(value: unknown): readonly Pod[] | undefined {
  const { items: list } = fields(value);
  return Array.isArray(list) ? list.map(readPod).filter((pod) => pod !== undefined) : undefined;
}

function runningName(status: unknown): string[] {
  const { name, state } = fields(status);
  return typeof name === 'string' && isLabel(name) && fields(state).running ? [name] : [];
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
