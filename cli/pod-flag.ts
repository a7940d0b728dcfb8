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
  const unmatched = selectors.filter((selector) => !pods.some((pod) => matches(pod, selector)));
  if (unmatched.length > 0) {
    throw new PodfreightError(
      'not-found',
      `${where} has no pod ${unmatched.join(', ')}; "podfreight show" lists them, to be given as namespace/name.`,
      { subject: { pods: unmatched } },
    );
  }
  return { ...manifest, pods: pods.filter((pod) => selectors.some((selector) => matches(pod, selector))) };
}

function matches(pod: ManifestPod, selector: string): boolean {
  return selector === `${pod.namespace}/${pod.name}` || selector === pod.sandboxId;
}

export function isPodName(text: string): boolean {
  return /^[^/]+\/[^/]+$/.test(text);
}

/** For commander: a value that must be `namespace/name`. */
export function podName(value: string): string {
  if (!isPodName(value)) throw new InvalidArgumentError('It must be namespace/name.');
  return value;
}
