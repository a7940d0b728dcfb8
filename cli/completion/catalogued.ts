import type { BundleRecord, PodRecord } from '../../core/catalogue/records.ts';
import { readSettings, regionsIn } from '../settings.ts';
import type { Candidate } from './candidate.ts';

/** A page of the newest: what somebody is likely to mean. */
const ITEMS = 200;
/** Nobody waits longer for the tab key. */
const ANSWER_TIMEOUT_MS = 1000;

const FROM_PODS = {
  pod: ({ namespace, name, checkpointedAt }: PodRecord) => [[`${namespace}/${name}`, checkpointedAt]],
  namespace: ({ namespace }: PodRecord) => [[namespace, '']],
  node: ({ origin }: PodRecord) => [[origin.node, '']],
  image: ({ containers }: PodRecord) => containers.map(({ image }) => [image, '']),
  sandboxId: ({ sandboxId, namespace, name }: PodRecord) => [[sandboxId, `${namespace}/${name}`]],
} as const;

export type Catalogued = keyof typeof FROM_PODS | 'bundle' | 'region';

/**
 * Names in the catalogue, the newest first; regions are known from the settings.
 * @param given flags on the line, which say where the catalogue is
 * @throws whatever reaching it throws
 */
export async function catalogued(what: Catalogued, given: ReadonlyMap<string, string>): Promise<Candidate[]> {
  const [table, flag] = [given.get('--table'), given.get('--cluster')];
  const settings = readSettings({ ...(table && { table }), ...(flag && { cluster: flag }) });
  if (what === 'region') return [...regionsIn(settings).keys()].map((value) => ({ value, about: '' }));
  if (settings.table === undefined) return [];
  const [{ dynamodbCatalogue }, { dynamodbClient }, { inCluster, selectorQuery }] = await Promise.all([
    import('../../aws/dynamodb-catalogue.ts'),
    import('../../aws/dynamodb-client.ts'),
    import('../../core/bundle/pod-selector.ts'),
  ]);
  const client = dynamodbClient({ maxAttempts: 1, answerTimeoutMs: ANSWER_TIMEOUT_MS });
  try {
    const catalogue = dynamodbCatalogue(settings.table, client);
    if (what === 'bundle') return (await catalogue.bundles({ limit: ITEMS })).items.map(bundleCandidate);
    const query = selectorQuery(inCluster({}, settings.cluster));
    const { items } = await catalogue.pods(query, { limit: ITEMS });
    return items.flatMap((pod) => FROM_PODS[what](pod).map(([value = '', about = '']) => ({ value, about })));
  } finally {
    client.destroy();
  }
}

function bundleCandidate({ bundleId, createdAt, pods, podCount }: BundleRecord): Candidate {
  const [first] = pods;
  const more = podCount > 1 ? ` and ${podCount - 1} more` : '';
  return { value: bundleId, about: `${createdAt}${first ? ` ${first.namespace}/${first.name}${more}` : ''}` };
}
