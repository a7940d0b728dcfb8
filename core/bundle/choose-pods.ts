import type { PodRecord } from '../catalogue/records.ts';
import { PodfreightError } from '../errors.ts';
import type { Catalogue } from '../ports.ts';
import { fitsSelector, type PodSelector, selectorQuery } from './pod-selector.ts';

const PAGE_PODS = 200;

/**
 * The checkpoints that the selectors mean, each SandboxID once, by namespace, name and SandboxID. Without `all` a selector
 * means the newest checkpoint of each pod it fits.
 * @throws PodfreightError `not-found` for a selector that fits nothing; `conflict` when `all` asks for two checkpoints with
 *   one SandboxID and different bytes, which no directory can hold
 */
export async function choosePods(selectors: readonly PodSelector[], catalogue: Catalogue): Promise<PodRecord[]> {
  const bySandbox = new Map<string, PodRecord[]>();
  for (const selector of selectors) {
    const chosen = await resolve(selector, catalogue);
    if (chosen.length === 0) {
      const text = JSON.stringify(selector);
      throw new PodfreightError('not-found', `The catalogue has no checkpoint that fits ${text}.`, {
        subject: { selector: text },
      });
    }
    for (const pod of chosen) bySandbox.set(pod.sandboxId, [...(bySandbox.get(pod.sandboxId) ?? []), pod]);
  }
  const all = selectors.some((selector) => selector.all);
  return [...bySandbox.values()].map((pods) => chooseOne(pods, all)).sort(byName);
}

/** Newest first. */
async function resolve(selector: PodSelector, catalogue: Catalogue): Promise<PodRecord[]> {
  const query = selectorQuery(selector);
  const onlyOnePod = query.by === 'pod' || query.by === 'sandbox';
  const chosen: PodRecord[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await catalogue.pods(query, {
      limit: PAGE_PODS,
      ...(selector.at !== undefined && { until: selector.at }),
      ...(cursor !== undefined && { cursor }),
    });
    for (const pod of page.items) {
      if (!fitsSelector(pod, selector)) continue;
      const identity = JSON.stringify([pod.origin.cluster, pod.namespace, pod.name]);
      if (!selector.all && seen.has(identity)) continue;
      seen.add(identity);
      chosen.push(pod);
      if (!selector.all && onlyOnePod) return chosen;
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return chosen;
}

function chooseOne(pods: readonly PodRecord[], all: boolean): PodRecord {
  const [newest, ...others] = [...pods].sort(newestFirst);
  const other = others.find((pod) => contentOf(pod) !== contentOf(newest!));
  if (all && other !== undefined) {
    const archives = [newest!, other].map(({ archive }) => `s3://${archive.bucket}/${archive.key}`);
    throw new PodfreightError(
      'conflict',
      `SandboxID ${newest!.sandboxId} has different bytes in ${archives.join(' and ')}; select one of the two.`,
      { subject: { sandboxId: newest!.sandboxId, archives } },
    );
  }
  return newest!;
}

/** Equal for equal bytes. Without a digest a pod is only sure to equal itself. */
function contentOf({ sha256, archive }: PodRecord): string {
  return sha256 ?? JSON.stringify([archive.bucket, archive.key, archive.etag]);
}

/** Of equally new ones, whichever: but always the same. */
function newestFirst(a: PodRecord, b: PodRecord): number {
  return (
    compare(b.checkpointedAt, a.checkpointedAt) ||
    compare(b.storedAt, a.storedAt) ||
    compare(a.archive.key, b.archive.key) ||
    compare(a.archive.bucket, b.archive.bucket)
  );
}

export function byName(
  a: Pick<PodRecord, 'namespace' | 'name' | 'sandboxId'>,
  b: Pick<PodRecord, 'namespace' | 'name' | 'sandboxId'>,
): number {
  return compare(a.namespace, b.namespace) || compare(a.name, b.name) || compare(a.sandboxId, b.sandboxId);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
