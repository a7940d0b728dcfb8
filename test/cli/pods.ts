import type { Manifest, ManifestPod } from '../../core/manifest/manifest.ts';

/** A pod's entry as CRI-O's would be, with what a test cares about. */
export function pod(sandboxId: string, fields: Partial<ManifestPod> = {}): ManifestPod {
  return {
    uid: `uid-${sandboxId}`,
    sandboxId,
    name: `pod-${sandboxId}`,
    terminationGracePeriod: 30n,
    namespace: 'default',
    configSource: 'api',
    configSeen: '2026-11-22T13:20:00Z',
    manager: 'cri-o',
    containers: [],
    hostIP: '',
    podIP: '',
    podIPs: [],
    unknown: [],
    ...fields,
  };
}

export function manifest(...pods: readonly ManifestPod[]): Manifest {
  return { version: 0n, pods, unknown: [] };
}
