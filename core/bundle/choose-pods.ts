import { inOrder } from '../archive/in-order.ts';
import type { PodRecord } from '../catalogue/records.ts';
import { PodfreightError } from '../errors.ts';
import type { Catalogue } from '../ports.ts';
import { fitsSelector, type PodSelector, selectorQuery } from './pod-selector.ts';

const PAGE_PODS = 1000;
const SELECTORS_AT_ONCE = 16;

/**
 * Which pod is the newest of its name shows only when all of a listing was seen, so a namespace, node, image or cluster
 * costs its whole history. This many checkpoints take about ten seconds.
 */
const WALKED_MAX = 100_000;

/**
 * The checkpoints that the selectors mean, each SandboxID once, by namespace, name and SandboxID. Without `all` a selector
 * means the newest checkpoint of each pod it fits. A selector that does not name a pod or a SandboxID walks its listing's
 * history, up to 100,000 checkpoints.
 * @param asOf only what S3 had by then
 * @throws PodfreightError `not-found` for a selector that fits nothing; `conflict` when `all` asks for two checkpoints with
 *   one SandboxID and different bytes, which no directory can hold; `unsupported` for a listing that is too long
 */
export async function choosePods(
  selectors: readonly PodSelector[],
  catalogue: Catalogue,
  asOf?: Date,
): Promise<PodRecord[]> {
  const bySandbox = new Map<string, PodRecord[]>();
  const resolved = inOrder(selectors, SELECTORS_AT_ONCE, async (selector) => ({
    selector,
    chosen: await resolve(selector, catalogue, asOf),
  }));
  for await (const { selector, chosen } of resolved) {
    if (chosen.length === 0) throw refusal('not-found', selector, 'The catalogue has no checkpoint that fits');
    for (const pod of chosen) {
      const earlier = bySandbox.get(pod.sandboxId);
      if (earlier === undefined) bySandbox.set(pod.sandboxId, [pod]);
      else earlier.push(pod);
    }
  }
  const all = selectors.some((selector) => selector.all);
  return [...bySandbox.values()].map((pods) => chooseOne(pods, all)).sort(byName);
}

/** Newest first. */
async function resolve(selector: PodSelector, catalogue: Catalogue, asOf?: Date): Promise<PodRecord[]> {
  const query = selectorQuery(selector);
  const onlyNewest = !selector.all && (query.by === 'pod' || query.by === 'sandbox');
  const chosen: PodRecord[] = [];
  const seen = new Set<string>();
  let walked = 0;
  let cursor: string | undefined;
  do {
    const page = await catalogue.pods(query, {
      limit: onlyNewest && walked === 0 ? 1 : PAGE_PODS,
      ...(selector.at !== undefined && { until: selector.at }),
      ...(cursor !== undefined && { cursor }),
    });
    for (const pod of page.items) {
      if (!fitsSelector(pod, selector) || (asOf !== undefined && new Date(pod.storedAt) > asOf)) continue;
      const identity = JSON.stringify([pod.origin.cluster, pod.namespace, pod.name]);
      if (!selector.all && seen.has(identity)) continue;
      seen.add(identity);
      chosen.push(pod);
      if (onlyNewest) return chosen;
    }
    walked += page.items.length;
    cursor = page.cursor;
    if (walked >= WALKED_MAX && cursor !== undefined) {
      throw refusal('unsupported', selector, `There are more than ${WALKED_MAX} checkpoints to look through for`);
    }
  } while (cursor !== undefined);
  return chosen;
}

function refusal(code: 'not-found' | 'unsupported', selector: PodSelector, beginning: string): PodfreightError {
  const text = JSON.stringify(selector);
  const end = code === 'unsupported' ? '; name the pods instead.' : '.';
  const words = Object.entries(selector).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [value === true ? name : `${name} ${value}`],
  );
  return new PodfreightError(code, `${beginning} ${words.join(', ')}${end}`, { subject: { selector: text } });
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
