import { type Command, Option } from 'commander';
import { choosePods } from '../core/bundle/choose-pods.ts';
import { inCluster } from '../core/bundle/pod-selector.ts';
import type { PodRecord } from '../core/catalogue/records.ts';
import { PodfreightError } from '../core/errors.ts';
import type { Catalogue, ObjectLocation } from '../core/ports.ts';
import { parseObjectUrl } from './object-url.ts';
import { collect, podName } from './pod-flag.ts';
import { required, type Settings } from './settings.ts';

/** Which archives a command is about. */
export interface ArchiveFlags {
  readonly pod?: readonly string[];
  readonly sandboxId?: readonly string[];
  readonly all?: boolean;
  readonly cluster?: string;
  readonly table?: string;
  readonly archivesBucket?: string;
}

export function addArchiveFlags(command: Command): Command {
  return command
    .argument('[archives...]', 'archives, as s3://bucket/key or as their keys')
    .addOption(
      new Option('--pod <namespace/name>', 'that of the newest checkpoint of this pod; may be repeated').argParser(
        (value: string, earlier?: readonly string[]) => collect(podName(value), earlier),
      ),
    )
    .option('--sandbox-id <id>', 'that of the newest checkpoint with this SandboxID; may be repeated', collect)
    .option('--all', 'those of all checkpoints, instead of the newest')
    .option('--cluster <name>', 'of pods in this cluster ($PODFREIGHT_CLUSTER; default)')
    .option('--table <name>', 'the catalogue table ($PODFREIGHT_TABLE)')
    .option('--archives-bucket <name>', 'the bucket of keys ($PODFREIGHT_ARCHIVES_BUCKET)');
}

/**
 * The archives that arguments and flags mean, each once.
 * @param alone refuses an archive that was named by a pod and holds others as well
 * @throws PodfreightError `usage` for none, `not-found` for pods that are not catalogued, `conflict` with `alone`
 */
export async function chosenArchives(
  archives: readonly string[],
  { pod = [], sandboxId = [], all }: ArchiveFlags,
  { settings, catalogue, alone }: { settings: Settings; catalogue: Catalogue; alone: boolean },
): Promise<ObjectLocation[]> {
  const named = archives.map(
    (name) => parseObjectUrl(name) ?? { bucket: required(settings, 'archivesBucket'), key: name },
  );
  const selectors = [...pod.map((name) => ({ pod: name })), ...sandboxId.map((id) => ({ sandboxId: id }))].map((one) =>
    inCluster({ ...one, ...(all && { all: true }) }, settings.cluster),
  );
  if (named.length + selectors.length === 0) {
    throw new PodfreightError('usage', 'Say which archives: by s3://bucket/key, --pod or --sandbox-id.');
  }
  const byLocation = new Map(named.map((location) => [urlOf(location), location]));
  const chosen = new Map<string, PodRecord[]>();
  // Each by itself: of pods that share a SandboxID, all archives are meant.
  for (const selector of selectors) {
    for (const record of await checkpointsOf(selector, catalogue)) {
      const url = urlOf(record.archive);
      chosen.set(url, [...(chosen.get(url) ?? []), record]);
    }
  }
  for (const [url, records] of chosen) {
    const { bucket, key } = records[0]!.archive;
    const podCount = (await catalogue.archive({ bucket, key }))?.podCount ?? 0;
    const others = podCount - new Set(records.map((record) => record.sandboxId)).size;
    if (alone && others > 0 && !byLocation.has(url)) {
      throw new PodfreightError(
        'conflict',
        `${url} holds ${others} other pods, too; name the archive itself to mean all of it.`,
        {
          subject: { archive: url },
        },
      );
    }
    byLocation.set(url, { bucket, key });
  }
  return [...byLocation.values()];
}

async function checkpointsOf(selector: ReturnType<typeof inCluster>, catalogue: Catalogue): Promise<PodRecord[]> {
  if (!selector.all) return choosePods([selector], catalogue);
  const { selectorQuery, fitsSelector } = await import('../core/bundle/pod-selector.ts');
  const found: PodRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await catalogue.pods(selectorQuery(selector), { limit: 1000, ...(cursor && { cursor }) });
    found.push(...page.items.filter((record) => fitsSelector(record, selector)));
    cursor = page.cursor;
  } while (cursor !== undefined);
  if (found.length > 0) return found;
  return choosePods([selector], catalogue); // says what was not found
}

export function urlOf({ bucket, key }: ObjectLocation): string {
  return `s3://${bucket}/${key}`;
}
