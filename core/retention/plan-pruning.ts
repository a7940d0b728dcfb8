import type { PodRecord } from '../catalogue/records.ts';
import type { RetentionPolicy } from './policy.ts';

/** One checkpoint of a pod in one archive, as far as pruning is about it. */
export interface Checkpoint {
  /** `s3://bucket/key`. */
  readonly archive: string;
  /** Cluster, namespace and name of its pod. */
  readonly pod: string;
  readonly sandboxId: string;
  /** As the archive says, which copies have in common: ISO 8601 UTC in whole seconds. */
  readonly checkpointedAt: string;
  readonly storedAt: string;
  /** Equal for copies of the same checkpoint, in whichever archives they are. */
  readonly content: string;
}

export interface PrunedArchive {
  readonly archive: string;
  /** Why each of its checkpoints may go: one sentence. */
  readonly reason: string;
  readonly checkpoints: readonly Checkpoint[];
}

export interface PruningPlan {
  /** By archive. None of them holds a checkpoint that stays. */
  readonly remove: readonly PrunedArchive[];
  /** What would go as well, were it not held. */
  readonly held: readonly PrunedArchive[];
  /** Of each pod of `remove`: its newest, which must be there before anything older goes. */
  readonly relied: ReadonlyMap<string, readonly Checkpoint[]>;
}

const DAY_MS = 86_400_000;

export function checkpointOf({
  archive,
  origin,
  namespace,
  name,
  sandboxId,
  checkpointedAt,
  claimedAt = checkpointedAt,
  storedAt,
  sha256,
}: PodRecord): Checkpoint {
  const url = `s3://${archive.bucket}/${archive.key}`;
  const content = sha256 ?? `${url} ${archive.etag}`;
  const pod = `${origin.cluster}/${namespace}/${name}`;
  return { archive: url, pod, sandboxId, checkpointedAt: claimedAt, storedAt, content };
}

/**
 * What a policy lets go of these checkpoints. An archive goes when all checkpoints in it may. Copies of a checkpoint count
 * once, so that a pod keeps as many different ones as the policy says.
 * @param checkpoints all there are of each pod
 * @param held archives
 */
export function planPruning(
  checkpoints: readonly Checkpoint[],
  held: ReadonlySet<string>,
  policy: RetentionPolicy,
  now: Date,
): PruningPlan {
  const reasons = new Map<Checkpoint, string>();
  const newest = new Map<string, readonly Checkpoint[]>();
  for (const [pod, its] of groupBy(checkpoints, ({ pod }) => pod)) {
    const ranked = rank(its);
    newest.set(
      pod,
      ranked.filter(({ rank }) => rank < policy.keepAtLeast).map(({ checkpoint }) => checkpoint),
    );
    for (const { checkpoint, rank } of ranked) {
      const reason = reasonToGo(checkpoint, rank, policy, now);
      if (reason !== undefined) reasons.set(checkpoint, `${pod} ${reason}`);
    }
  }
  const remove: PrunedArchive[] = [];
  const kept: PrunedArchive[] = [];
  for (const [archive, its] of groupBy(checkpoints, ({ archive }) => archive)) {
    const why = its.map((checkpoint) => reasons.get(checkpoint)).filter((reason) => reason !== undefined);
    if (why.length < its.length) continue;
    const pruned = { archive, reason: [...new Set(why)].join('; '), checkpoints: its };
    (held.has(archive) ? kept : remove).push(pruned);
  }
  const pods = new Set(remove.flatMap(({ checkpoints: its }) => its.map(({ pod }) => pod)));
  const byArchive = (a: PrunedArchive, b: PrunedArchive) => (a.archive < b.archive ? -1 : 1);
  return {
    remove: remove.sort(byArchive),
    held: kept.sort(byArchive),
    relied: new Map([...newest].filter(([pod]) => pods.has(pod))),
  };
}

/** 0 for the newest; copies have the rank of the newest among them. */
function rank(checkpoints: readonly Checkpoint[]): { checkpoint: Checkpoint; rank: number }[] {
  const ranks = new Map<string, number>();
  return checkpoints.toSorted(newestFirst).map((checkpoint) => {
    const { sandboxId, checkpointedAt, content } = checkpoint;
    const identity = JSON.stringify([sandboxId, checkpointedAt, content]);
    const rank = ranks.get(identity) ?? ranks.size;
    ranks.set(identity, rank);
    return { checkpoint, rank };
  });
}

/** Not after it was stored: by the clock of a node that is ahead, it would outrank all that come later, and never grow old. */
function takenAt({ checkpointedAt, storedAt }: Checkpoint): string {
  return checkpointedAt < storedAt ? checkpointedAt : storedAt;
}

function reasonToGo(
  checkpoint: Checkpoint,
  rank: number,
  { keepNewest, maxAgeDays, keepAtLeast }: RetentionPolicy,
  now: Date,
): string | undefined {
  if (rank < keepAtLeast) return undefined;
  if (keepNewest !== undefined && rank >= keepNewest)
    return `has ${rank} newer checkpoints, the newest ${keepNewest} are kept`;
  const ageDays = (now.getTime() - Date.parse(takenAt(checkpoint))) / DAY_MS;
  if (maxAgeDays !== undefined && ageDays > maxAgeDays) {
    return `was checkpointed ${Math.floor(ageDays)} days ago, ${maxAgeDays} days are kept`;
  }
  return undefined;
}

function newestFirst(a: Checkpoint, b: Checkpoint): number {
  const order = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
  return (
    order(takenAt(b), takenAt(a)) ||
    order(b.storedAt, a.storedAt) ||
    order(a.content, b.content) ||
    order(a.archive, b.archive)
  );
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
