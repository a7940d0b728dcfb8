import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  fitsContainer,
  fitsSelector,
  inCluster,
  type PodSelector,
  selectorQuery,
  selectsContainers,
} from '../../core/bundle/pod-selector.ts';
import { imageFact } from '../../core/catalogue/container-facts.ts';
import { parseInstant } from '../../core/catalogue/instant.ts';
import type { ArchiveRecord, BundleRecord, Page, PageRequest, PodRecord } from '../../core/catalogue/records.ts';
import type { Engine } from '../../core/checkpoint/identity.ts';
import type { Custody } from '../../core/custody/custody.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { Catalogue, Custodies } from '../../core/ports.ts';
import { type Regions, regionOf } from '../../core/regions.ts';
import { formatBytes } from '../bytes.ts';
import { CONTAINER_COLUMNS, type Columns, POD_COLUMNS, SANDBOX_COLUMN } from '../checkpoint-columns.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { podName } from '../pod-flag.ts';
import { safeText } from '../safe-text.ts';
import { openTable } from '../services.ts';
import { readSettings, regionsIn } from '../settings.ts';
import { renderTable } from '../table.ts';

const PAGE_ITEMS = 200;

const ENGINES: readonly Engine[] = ['cri-o', 'containerd', 'podman'];

interface Flags {
  readonly pod?: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly image?: string;
  readonly engine?: string;
  readonly runtime?: string;
  readonly sandboxId?: string;
  readonly cluster?: string;
  readonly since?: string;
  readonly until?: string;
  readonly containers?: boolean;
  readonly bundles?: boolean;
  readonly rejected?: boolean;
  readonly held?: boolean;
  readonly removed?: boolean;
  readonly limit: number;
  readonly showSandboxId?: boolean;
  readonly table?: string;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      "Lists the catalogue's checkpoints, or its bundles, newest first; filters narrow together. With --image, --engine or " +
        '--runtime each container that fits has a row of its own. With a directory, the checkpoint archives in that ' +
        'instead, without AWS.',
    )
    .argument('[directory]', 'list the archives in this directory')
    .option('--pod <namespace/name>', 'checkpoints of this pod', podName)
    .option('--namespace <name>', 'of pods in this namespace')
    .option('--node <name>', 'taken on this node')
    .option('--image <name>', 'containers of this image: as the manifest has it, or its digest, sha256:…', imageOf)
    .addOption(new Option('--engine <name>', 'containers that this engine checkpointed').choices(ENGINES))
    .option('--runtime <name>', 'containers that ran in this, as in runc')
    .option('--sandbox-id <id>', 'of this pod sandbox')
    .option('--cluster <name>', 'in this cluster ($PODFREIGHT_CLUSTER; default)')
    .option('--since <time>', 'taken then or later, as in 2026-11-22T13:20:00Z')
    .option('--until <time>', 'taken then or earlier')
    .option('--containers', 'a row for each container')
    .option('--bundles', 'list bundles instead')
    .option('--rejected', 'list objects of the bucket that are no archives, and why')
    .option('--held', 'list archives with a hold, and by whom and why')
    .option('--removed', 'list archives that were removed, and by whom and why')
    .option('--limit <count>', 'at most so many; 0 for all', countOf, 100)
    .option('--show-sandbox-id', 'add a column with the SandboxIDs')
    .option('--table <name>', 'the catalogue table ($PODFREIGHT_TABLE)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight list --pod default/my-redis
  $ podfreight list --node node-a --since 2026-11-01T00:00:00Z --json
  $ podfreight list --image docker.io/library/redis:7 --node node-a
  $ podfreight list --image sha256:9f1c0b3e…    all 64 digits
  $ podfreight list --engine cri-o --runtime crun --until 2026-11-01T00:00:00Z
  $ podfreight list --pod default/my-redis --containers
  $ podfreight list --bundles
  $ podfreight list --removed --since 2026-11-01T00:00:00Z
  $ podfreight list /var/lib/kubelet/checkpoints`,
    )
    .action((directory: string | undefined, flags: Flags) =>
      directory === undefined ? list(flags, context) : listArchives(directory, command, context),
    );
};

async function listArchives(directory: string, command: Command, context: CommandContext): Promise<void> {
  const given = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli');
  const flag = given.find(({ long }) => long !== '--json')?.long;
  if (flag) throw new PodfreightError('usage', `${flag} is for the catalogue; leave it or ${directory} away.`);
  const { listDirectory } = await import('../looking/list-directory.ts');
  await listDirectory(directory, context);
}

async function list(flags: Flags, context: CommandContext): Promise<void> {
  const settings = readSettings({
    ...(flags.table !== undefined && { table: flags.table }),
    ...(flags.cluster !== undefined && { cluster: flags.cluster }),
  });
  const selector = selectorOf(flags, settings.cluster);
  const period = periodOf(flags);
  const regions = regionsIn(settings);
  const { catalogue, custodies } = await openTable(settings);
  if (flags.bundles) return listBundles(catalogue, period, flags, regions, context);
  if (flags.rejected) return listRejected(catalogue, period, flags, context);
  if (flags.held || flags.removed) return listDecided(custodies, period, flags, context);
  const query = selectorQuery(selector);
  const byContainer = flags.containers || selectsContainers(selector);
  const { items, more } = await gather<PodRecord, PodRecord>(
    (page) => catalogue.pods(query, { ...page, ...period }),
    (record) => {
      if (!fitsSelector(record, selector)) return [];
      return byContainer ? eachContainer(record, selector) : [record];
    },
    flags.limit,
    context.signal,
  );
  const regionOfPod = ({ archive }: PodRecord) => regionOf(archive, regions) ?? '';
  const columns: Columns = {
    ...(byContainer ? CONTAINER_COLUMNS : POD_COLUMNS),
    ...(areSeveral(regions, items.map(regionOfPod)) && { Region: regionOfPod }),
    ...(flags.showSandboxId && SANDBOX_COLUMN),
  };
  const rows = items.map((record) => Object.values(columns).map((cell) => cell(record)));
  const text = await renderTable(Object.keys(columns), rows, { merge: false });
  context.output.result({ checkpoints: items, more }, text);
  if (more) noteMore(flags, context);
}

/** As the catalogue gives back what it found by a container: the pod again for each that fits, with that one alone. */
function eachContainer(record: PodRecord, selector: PodSelector): PodRecord[] {
  const fitting = record.containers.filter((container) => fitsContainer(container, selector));
  return fitting.map((container) => ({ ...record, containers: [container] }));
}

/** A column for the region: where there are several, or records of several. */
function areSeveral(regions: Regions, found: readonly string[]): boolean {
  return regions.size > 1 || new Set(found).size > 1;
}

async function listBundles(
  catalogue: Catalogue,
  period: Period,
  flags: Flags,
  regions: Regions,
  context: CommandContext,
): Promise<void> {
  const seen = new Set<string>();
  const { items, more } = await gather<BundleRecord, BundleRecord>(
    (page) => catalogue.bundles({ ...page, ...period }),
    (bundle) => {
      // An object that was catalogued when items had no region yet, and again since then.
      const object = `${bundle.location.bucket}/${bundle.location.key}`;
      if (seen.has(object)) return [];
      seen.add(object);
      return [bundle];
    },
    flags.limit,
    context.signal,
  );
  const where = items.map(({ location }) => regionOf(location, regions) ?? '');
  const withRegion = areSeveral(regions, where);
  const rows = items.map(({ bundleId, createdAt, pods, podCount, sizeBytes }, i) => [
    bundleId,
    createdAt,
    pods.map(({ namespace, name }) => `${namespace}/${name}`).join(' ') + others(podCount - pods.length),
    formatBytes(sizeBytes),
    ...(withRegion ? [where[i] ?? ''] : []),
  ]);
  const titles = ['Bundle', 'Created', 'Pods', 'Size', ...(withRegion ? ['Region'] : [])];
  const text = await renderTable(titles, rows, { merge: false });
  context.output.result({ bundles: items, more }, text);
  if (more) noteMore(flags, context);
}

function others(count: number): string {
  return count > 0 ? ` and ${count} more` : '';
}

async function listRejected(
  catalogue: Catalogue,
  period: Period,
  flags: Flags,
  context: CommandContext,
): Promise<void> {
  const { items, more } = await gather<ArchiveRecord, ArchiveRecord>(
    (page) => catalogue.rejected({ ...page, ...period }),
    (archive) => [archive],
    flags.limit,
    context.signal,
  );
  const lines = items.map(
    ({ at, location, reason = '' }) =>
      `${at}  ${safeText(`s3://${location.bucket}/${location.key}`)}\n    ${safeText(reason)}\n`,
  );
  context.output.result({ rejected: items, more }, lines.join(''));
  if (more) noteMore(flags, context);
}

async function listDecided(custodies: Custodies, period: Period, flags: Flags, context: CommandContext): Promise<void> {
  const turn = flags.held ? custodies.held : custodies.removed;
  const { items, more } = await gather<Custody, Custody>(
    (page) => turn({ ...page, ...period }),
    (custody) => [custody],
    flags.limit,
    context.signal,
  );
  const lines = items.map(({ location, hold, removal }) => {
    const { at, by, reason } = (flags.held ? hold : removal)!;
    const pods = flags.held ? [] : removal!.pods.map(({ namespace, name }) => `${namespace}/${name}`);
    const what = [`s3://${location.bucket}/${location.key}`, ...pods].map(safeText).join('  ');
    const begun = !flags.held && removal!.state === 'begun' ? ' (not finished)' : '';
    return `${at}  ${what}\n    ${safeText(`${by}: ${reason}${begun}`)}\n`;
  });
  context.output.result({ [flags.held ? 'held' : 'removed']: items, more }, lines.join(''));
  if (more) noteMore(flags, context);
}

/** Turns pages until there is one item more than wanted, or no page more. */
async function gather<Found, Listed>(
  turn: (page: PageRequest) => Promise<Page<Found>>,
  listed: (found: Found) => readonly Listed[],
  limit: number,
  signal: AbortSignal,
): Promise<{ items: Listed[]; more: boolean }> {
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  const items: Listed[] = [];
  let cursor: string | undefined;
  do {
    signal.throwIfAborted();
    const page = await turn({ limit: Math.min(PAGE_ITEMS, wanted + 1), ...(cursor !== undefined && { cursor }) });
    items.push(...page.items.flatMap(listed));
    cursor = page.cursor;
  } while (cursor !== undefined && items.length <= wanted);
  return { items: items.slice(0, wanted), more: items.length > wanted };
}

type Period = Pick<PageRequest, 'since' | 'until'>;

function periodOf({ since, until }: Flags): Period {
  if (since !== undefined) parseInstant(since, '--since');
  if (until !== undefined) parseInstant(until, '--until');
  return { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
}

function selectorOf(
  { pod, namespace, node, image, engine, runtime, sandboxId, containers, bundles, rejected, held, removed }: Flags,
  cluster: string | undefined,
): PodSelector {
  const filters = { pod, namespace, node, image, engine, runtime, sandboxId };
  const given = Object.entries(filters).filter(([, value]) => value !== undefined);
  const others = [bundles, rejected, held, removed].filter(Boolean).length;
  if (others > 1 || (others > 0 && (containers || given.length > 0))) {
    throw new PodfreightError(
      'usage',
      '--bundles, --rejected, --held and --removed each list all there are; they take --since, --until and --limit, but no filter.',
    );
  }
  return inCluster(Object.fromEntries(given), cluster);
}

function noteMore({ limit }: Flags, { output }: CommandContext): void {
  output.note(`There are more than ${limit}; --limit 0 lists all.`);
}

/** Less than a whole digest would quietly find nothing. */
function imageOf(text: string): string {
  if (/^sha\d+:/.test(text) && imageFact(text).fact !== 'digest') {
    throw new InvalidArgumentError('A digest is sha256: and 64 hexadecimal digits in lower case.');
  }
  return text;
}

function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
