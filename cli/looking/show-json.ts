import { failureJson } from './report-failures.ts';
import type { Shown } from './show-text.ts';
import type { Failed, PodsSight, Sight } from './sight.ts';

/** What `podfreight show --json` prints (docs/json.md). */
export function showJson(targets: readonly string[], shown: readonly Shown[], failures: readonly Failed[]) {
  const sights = shown.map(({ sight }) => sight);
  return {
    ...(targets.length === 1 ? { target: targets[0] } : { targets }),
    sources: sights.map(({ source, kind }) => ({ source, kind })),
    pods: sights.filter((sight) => sight.kind === 'pods').flatMap(podsJson),
    containers: sights.flatMap(containersJson),
    failures: failures.map(failureJson),
  };
}

function podsJson({ source, manifest, isFound }: PodsSight) {
  return (manifest.pods ?? []).map((pod) => ({
    source,
    sandboxId: pod.sandboxId,
    namespace: pod.namespace,
    name: pod.name,
    uid: pod.uid,
    hostIP: pod.hostIP,
    podIP: pod.podIP,
    podIPs: pod.podIPs,
    archiveFound: isFound(pod),
    containers: (pod.containers ?? []).map(({ name, id, image, restartCount }) => ({ name, id, image, restartCount })),
  }));
}

function containersJson({ source, kind, containers }: Sight) {
  return containers.map((container) => ({ source, kind, ...container }));
}
