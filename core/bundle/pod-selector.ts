import { hasFact, imageFact, type KnownFact } from '../catalogue/container-facts.ts';
import { parseInstant } from '../catalogue/instant.ts';
import type { ContainerRecord, PodQuery, PodRecord, PodScope } from '../catalogue/records.ts';
import { PodfreightError } from '../errors.ts';

/** Which checkpoints: those that fit everything it says. It must say enough for one query of the catalogue. */
export interface PodSelector {
  /** Needed with `pod`, `namespace`, `node`, `engine` and `runtime`. */
  readonly cluster?: string;
  /** `namespace/name`. */
  readonly pod?: string;
  readonly namespace?: string;
  readonly node?: string;
  /** With a container of this image: the reference as the manifest has it, or the digest, as in `sha256:…`. */
  readonly image?: string;
  /** With a container that this engine checkpointed: `cri-o`, `containerd` or `podman`. */
  readonly engine?: string;
  readonly runtime?: string;
  readonly sandboxId?: string;
  /** Only checkpoints taken until then, inclusive: RFC 3339. */
  readonly at?: string;
  /** All of each pod's checkpoints, instead of the newest. */
  readonly all?: boolean;
}

const TEXTS = ['cluster', 'pod', 'namespace', 'node', 'image', 'engine', 'runtime', 'sandboxId', 'at'] as const;
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
  const { cluster, image, sandboxId } = selector;
  const [namespace, name] = selector.pod?.split('/') ?? [];
  if (sandboxId !== undefined) return { by: 'sandbox', sandboxId };
  if (cluster !== undefined && namespace !== undefined && name !== undefined) {
    return { by: 'pod', cluster, namespace, name };
  }
  const within = scopeOf(selector);
  const [wanted] = factsWanted(selector);
  if (within !== undefined) return wanted === undefined ? within : { by: 'container', ...wanted, within };
  if (image !== undefined) return { by: 'container', ...imageFact(image) };
  throw new PodfreightError(
    'usage',
    `${where} needs a cluster, an image or a sandboxId; pod, namespace and node are names within a cluster.`,
    { subject: { selector: where } },
  );
}

/** The smallest that the selector names. */
function scopeOf({ cluster, namespace, node }: PodSelector): PodScope | undefined {
  if (cluster === undefined) return undefined;
  if (node !== undefined) return { by: 'node', cluster, node };
  if (namespace !== undefined) return { by: 'namespace', cluster, namespace };
  return { by: 'cluster', cluster };
}

/** What one container must be known for, the rarest first. */
function factsWanted({ image, engine, runtime }: PodSelector): KnownFact[] {
  return [
    ...(image === undefined ? [] : [imageFact(image)]),
    ...(runtime === undefined ? [] : [{ fact: 'runtime', value: runtime } as const]),
    ...(engine === undefined ? [] : [{ fact: 'engine', value: engine } as const]),
  ];
}

/** Whether it asks for containers of some kind, and not just for pods. */
export function selectsContainers(selector: PodSelector): boolean {
  return factsWanted(selector).length > 0;
}

/**
 * The selector within a cluster: its own, else the caller's; with neither, `default`, but for a selector that needs no
 * cluster because it names a SandboxID or just an image.
 */
export function inCluster(selector: PodSelector, cluster: string | undefined): PodSelector {
  const { pod, namespace, node, image, engine, runtime, sandboxId } = selector;
  const within = selector.cluster ?? cluster;
  if (within !== undefined) return { ...selector, cluster: within };
  const isInCluster = [pod, namespace, node, engine, runtime].some((name) => name !== undefined);
  const needsNone = sandboxId !== undefined || (image !== undefined && !isInCluster);
  return needsNone ? selector : { ...selector, cluster: 'default' };
}

/** Whether a checkpoint fits everything the selector says but the time. */
export function fitsSelector(record: PodRecord, selector: PodSelector): boolean {
  const { cluster, pod, namespace, node, sandboxId } = selector;
  const wanted: readonly (readonly [string | undefined, string])[] = [
    [cluster, record.origin.cluster],
    [pod, `${record.namespace}/${record.name}`],
    [namespace, record.namespace],
    [node, record.origin.node],
    [sandboxId, record.sandboxId],
  ];
  return (
    wanted.every(([want, have]) => want === undefined || want === have) &&
    (!selectsContainers(selector) || record.containers.some((container) => fitsContainer(container, selector)))
  );
}

/** Whether a container is all that the selector says of one. */
export function fitsContainer(container: ContainerRecord, selector: PodSelector): boolean {
  return factsWanted(selector).every((wanted) => hasFact(container, wanted));
}
