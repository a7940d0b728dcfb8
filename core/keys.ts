import { type ArchiveFormat, archiveExtension } from './archive/format.ts';
import { PodfreightError } from './errors.ts';
import { isSandboxId } from './sandbox-id.ts';

/** Names of clusters and nodes: what Kubernetes allows for a node, and no `/`. */
const PLACE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

/** Where an archive came from. */
export interface Origin {
  readonly cluster: string;
  readonly node: string;
}

/** @throws PodfreightError `usage` when a name cannot be part of a key. */
export function checkOrigin({ cluster, node }: Origin): Origin {
  for (const [what, name] of [
    ['cluster', cluster],
    ['node', node],
  ] as const) {
    if (!PLACE.test(name)) {
      throw new PodfreightError(
        'usage',
        `The ${what} name ${JSON.stringify(name)} must be 1 to 253 letters, digits, ".", "_" or "-", starting and ending with a letter or digit.`,
        { subject: { [what]: name } },
      );
    }
  }
  return { cluster, node };
}

/** The prefix under which one node writes, and nobody else. */
function originPrefix(origin: Origin): string {
  return `${origin.cluster}/${origin.node}/`;
}

/**
 * `<cluster>/<node>/<pods>/<checkpointed at>[-<digest>].tar[.zst|.gz]` in the archives bucket.
 * `pods` is the SandboxID of an archive of one pod, or `pods-<16 hex>` (see `podsName`). The time is the newest member's,
 * in UTC and whole seconds (`20261122T132000Z`), so that pushing the same checkpoint again meets the same key.
 * `digest` (8 hex) tells apart what would otherwise collide. docs/format.md, "Keys".
 */
export function archiveKey(
  parts: Origin & { pods: string; checkpointedAt: Date; format: ArchiveFormat; digest?: string },
): string {
  const time = parts.checkpointedAt.toISOString().replace(/[-:]|\.\d+/g, '');
  const suffix = parts.digest === undefined ? '' : `-${parts.digest}`;
  return `${originPrefix(checkOrigin(parts))}${parts.pods}/${time}${suffix}${archiveExtension(parts.format)}`;
}

/** The `pods` piece of an archive key: the SandboxID, or for several pods a name made of all of them. */
export function podsName(sandboxIds: readonly string[], sha256Hex: (text: string) => string): string {
  const [only] = sandboxIds;
  if (sandboxIds.length === 1 && only !== undefined) return only;
  return `pods-${sha256Hex([...sandboxIds].sort().join('\n')).slice(0, 16)}`;
}

/** What the keys of all archives of one pod begin with that this node has pushed by itself. */
export function podPrefix(origin: Origin, sandboxId: string): string {
  return `${originPrefix(checkOrigin(origin))}${sandboxId}/`;
}

/** Cluster and node of an archive's key, or undefined when the key does not have this shape. */
export function originOfArchiveKey(key: string): Origin | undefined {
  const [cluster, node, pods, file, ...more] = key.split('/');
  if (more.length > 0 || !file || !pods || !isSandboxId(pods)) return undefined;
  if (!cluster || !node || !PLACE.test(cluster) || !PLACE.test(node)) return undefined;
  return { cluster, node };
}

/** A bundle's key in the bundles bucket: `<bundle id>.tar.zst`; the id is made of its contents: see `bundleId`. */
export function bundleKey(bundleId: string, format: ArchiveFormat): string {
  return `${bundleId}${archiveExtension(format)}`;
}

export function isBundleKey(key: string): boolean {
  return /^[0-9a-f]{32}\.tar(\.zst)?$/.test(key);
}

/** In the bundles bucket: what bundles are copied from and does not lie so anywhere else. It expires after a week. */
export const NORMALISED_PREFIX = 'normalised/';

/** An archive rewritten: `normalised/<64 hex>.tar[.zst]`; `digest` says of which object, which pods, and how. */
export function normalisedKey(digest: string, format: ArchiveFormat): string {
  return `${NORMALISED_PREFIX}${digest}${archiveExtension(format)}`;
}

/** Members of many archives side by side: `normalised/<64 hex>.gathered`; see `gatheringId`. */
export function gatheredKey(gatheringId: string): string {
  return `${NORMALISED_PREFIX}${gatheringId}.gathered`;
}
