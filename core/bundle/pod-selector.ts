import { parseInstant } from '../catalogue/instant.ts';
import type { PodQuery, PodRecord } from '../catalogue/records.ts';
import { PodfreightError } from '../errors.ts';

/** Which checkpoints: those that fit everything it says. It must say enough for one query of the catalogue. */
export interface PodSelector {
  /** Needed with `pod`, `namespace` and `node`. */
  readonly cluster?: string;
  /** `namespace/name`. */
  readonly pod?: string;
  readonly namespace?: string;
  readonly node?: string;
  /** As the manifest has it. */
  readonly image?: string;
  readonly sandboxId?: string;
  /** Only checkpoints taken until then, inclusive: RFC 3339. */
  readonly at?: string;
  /** All of each pod's checkpoints, instead of the newest. */
  readonly all?: boolean;
}

const TEXTS = ['cluster', 'pod', 'namespace', 'node', 'image', 'sandboxId', 'at'] as const;
const FIELDS: readonly string[] = [...TEXTS, 'all'];

/**
 * @param where names it in messages, as in `pods[0]`
 * @throws PodfreightError `usage`
 */
export function parsePodSelector(value: unknown, where: string): PodSelector {
  const wrong = (problem: string) =>
    new PodfreightError('usage', `${where} ${problem}.`, { subject: { selector: where } });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('must be an object');
  const selector = value as PodSelector;
  for (const field of Object.keys(value)) {
    if (!FIELDS.includes(field))
      throw wrong(`has the unknown field ${JSON.stringify(field)}; known are ${FIELDS.join(', ')}`);
  }
  for (const field of TEXTS) {
    const text: unknown = selector[field];
    if (text !== undefined && (typeof text !== 'string' || text === '')) throw wrong(`.${field} must be a text`);
  }
  if (selector.all !== undefined && typeof selector.all !== 'boolean') throw wrong('.all must be true or false');
  if (selector.pod !== undefined && !/^[^/]+\/[^/]+$/.test(selector.pod)) {
    throw wrong('.pod must be namespace/name');
  }
  if (selector.at !== undefined) parseInstant(selector.at, `${where}.at`);
  selectorQuery(selector, where);
  return selector;
}

/**
 * The narrowest query that finds what a selector means; {@link fitsSelector} does the rest.
 * @throws PodfreightError `usage` when it says too little
 */
export function selectorQuery(selector: PodSelector, where = 'A selector'): PodQuery {
  const { cluster, node, image, sandboxId } = selector;
  const [namespace, name] = selector.pod?.split('/') ?? [selector.namespace];
  if (sandboxId !== undefined) return { by: 'sandbox', sandboxId };
  if (cluster !== undefined && namespace !== undefined && name !== undefined) {
    return { by: 'pod', cluster, namespace, name };
  }
  if (cluster !== undefined && node !== undefined) return { by: 'node', cluster, node };
  if (cluster !== undefined && namespace !== undefined) return { by: 'namespace', cluster, namespace };
  if (image !== undefined) return { by: 'image', image };
  if (cluster !== undefined) return { by: 'cluster', cluster };
  throw new PodfreightError(
    'usage',
    `${where} needs a cluster, an image or a sandboxId; pod, namespace and node are names within a cluster.`,
    { subject: { selector: where } },
  );
}

/**
 * The selector within a cluster: its own, else the caller's; with neither, `default`, but for a selector that needs no
 * cluster because it names a SandboxID or just an image.
 */
export function inCluster(selector: PodSelector, cluster: string | undefined): PodSelector {
  const { pod, namespace, node, image, sandboxId } = selector;
  const within = selector.cluster ?? cluster;
  if (within !== undefined) return { ...selector, cluster: within };
  const needsNone = sandboxId !== undefined || (image !== undefined && !pod && !namespace && !node);
  return needsNone ? selector : { ...selector, cluster: 'default' };
}

/** Whether a checkpoint fits everything the selector says but the time. */
export function fitsSelector(record: PodRecord, selector: PodSelector): boolean {
  const { cluster, pod, namespace, node, image, sandboxId } = selector;
  const wanted: readonly (readonly [string | undefined, string])[] = [
    [cluster, record.origin.cluster],
    [pod, `${record.namespace}/${record.name}`],
    [namespace, record.namespace],
    [node, record.origin.node],
    [sandboxId, record.sandboxId],
  ];
  return (
    wanted.every(([want, have]) => want === undefined || want === have) &&
    (image === undefined || record.containers.some((container) => container.image === image))
  );
}
