import { InvalidArgumentError } from 'commander';
import { PodfreightError } from '../core/errors.ts';
import type { Manifest, ManifestPod } from '../core/manifest/manifest.ts';

/** `--pod` on the command line; may be given several times. */
export const POD_FLAG = '--pod <namespace/name>';
export const POD_FLAG_HELP = 'only this pod; also by SandboxID; may be repeated';

/** For commander: collects the values of a flag that may be repeated. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

/**
 * The manifest with the pods that a selector names: `namespace/name` (all checkpoints of that pod) or a SandboxID.
 * No selector means all pods. Their order stays.
 * @throws PodfreightError `not-found` naming the selectors that fit no pod
 */
export function matchPods(manifest: Manifest, selectors: readonly string[], where: string): Manifest {
  if (selectors.length === 0) return manifest;
  const pods = manifest.pods ?? [];
  checkMatched(pods, selectors, where);
  return { ...manifest, pods: pods.filter((pod) => isSelected(pod, selectors)) };
}

type PodAddress = Pick<ManifestPod, 'namespace' | 'name' | 'sandboxId'>;

/** @throws PodfreightError `not-found` naming the selectors that fit no pod */
export function checkMatched(pods: readonly PodAddress[], selectors: readonly string[], where: string): void {
  const unmatched = selectors.filter((selector) => !pods.some((pod) => isSelected(pod, [selector])));
  if (unmatched.length === 0) return;
  throw new PodfreightError(
    'not-found',
    `${where} has no pod ${unmatched.join(', ')}; "podfreight show" lists them, to be given as namespace/name.`,
    { subject: { pods: unmatched } },
  );
}

/** No selector means all pods. */
export function isSelected({ namespace, name, sandboxId }: PodAddress, selectors: readonly string[]): boolean {
  if (selectors.length === 0) return true;
  return selectors.some((selector) => selector === `${namespace}/${name}` || selector === sandboxId);
}

export function isPodName(text: string): boolean {
  return /^[^/]+\/[^/]+$/.test(text);
}

/** For commander: a value that must be `namespace/name`. */
export function podName(value: string): string {
  if (!isPodName(value)) throw new InvalidArgumentError('It must be namespace/name.');
  return value;
}
