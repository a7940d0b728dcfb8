import type { ManifestPod } from '../core/manifest/manifest.ts';

/** What messages call a pod: `namespace/name`; a container without a pod by its SandboxID. Foreign text. */
export function podTitle({
  namespace,
  name,
  sandboxId,
}: Pick<ManifestPod, 'namespace' | 'name' | 'sandboxId'>): string {
  return namespace === '' && name === '' ? sandboxId : `${namespace}/${name}`;
}
