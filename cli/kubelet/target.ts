import { PodfreightError } from '../../core/errors.ts';

export interface PodName {
  readonly namespace: string;
  readonly pod: string;
}

export interface ContainerName extends PodName {
  readonly container: string;
}

/** What a user asks for: one container, or all that run in a pod. */
export type Target = PodName | ContainerName;

/** Kubernetes' names can stand in a path of HTTP as they are. @see RFC 1123 */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN_LENGTH_MAX = 253;

/**
 * Reads `namespace/pod` or `namespace/pod/container`.
 * @throws PodfreightError `usage` for anything that Kubernetes would not take as such names
 */
export function parseTarget(text: string): Target {
  const [namespace = '', pod = '', container, ...rest] = text.split('/');
  if (!isLabel(namespace) || !isSubdomain(pod) || rest.length > 0 || (container !== undefined && !isLabel(container))) {
    throw new PodfreightError(
      'usage',
      `Cannot checkpoint ${JSON.stringify(text)}: it must be namespace/pod or namespace/pod/container.`,
    );
  }
  return container === undefined ? { namespace, pod } : { namespace, pod, container };
}

/** A namespace's or a container's name. */
export function isLabel(text: string): boolean {
  return LABEL.test(text);
}

/** A pod's or a node's name. */
export function isSubdomain(text: string): boolean {
  return text.length <= SUBDOMAIN_LENGTH_MAX && text.split('.').every(isLabel);
}

/** As it was given: `namespace/pod` or `namespace/pod/container`. */
export function nameOf(target: Target): string {
  const { namespace, pod } = target;
  return 'container' in target ? `${namespace}/${pod}/${target.container}` : `${namespace}/${pod}`;
}
