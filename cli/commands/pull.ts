import { inCluster, type PodSelector } from '../../core/bundle/pod-selector.ts';
import { PodsArchive } from '../../core/bundle/pods-archive.ts';
import { parseInstant } from '../../core/catalogue/instant.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { ObjectSource } from '../../core/ports.ts';
import type { Regions } from '../../core/regions.ts';
import { isSandboxId } from '../../core/sandbox-id.ts';
import { downloadArchive, writePods } from '../archive-file.ts';
import { checkpointTime } from '../checkpoint-columns.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { addLandingFlags, addTargetFlag, type LandingFlags, landArchive, landFrom } from '../landing/from-source.ts';
import { type BundlePlace, bundlePlaces, openBundle } from '../open-bundle.ts';
import { isPodName } from '../pod-flag.ts';
import { podTitle } from '../pod-title.ts';
import { openStore, openTable } from '../services.ts';
import { readSettings, regionsIn, required, type Settings } from '../settings.ts';

interface Flags extends LandingFlags {
  readonly output?: string;
  readonly at?: string;
  readonly node?: string;
  readonly cluster?: string;
  readonly bundlesBucket?: string;
  readonly table?: string;
}

const BUNDLE_ID = /^[0-9a-f]{32}$/;

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Pulls a bundle, an archive, or the newest checkpoints of pods from S3 straight into a kubelet directory, as safely ' +
        'as "podfreight insert" does; with --output only into a file.',
    )
    .argument('[bundle]', 'a bundle id, or s3://bucket/key of a bundle or an archive; or leave it and say --pod');
  addTargetFlag(command).option(
    '-o, --output <file>',
    'write the archive to this file, with mode 0600, and insert nothing',
  );
  addLandingFlags(command)
    .option('--at <time>', 'without a bundle: no checkpoint taken later, as in 2026-11-22T13:20:00Z')
    .option('--node <name>', 'without a bundle: only checkpoints taken on this node')
    .option('--cluster <name>', 'without a bundle: of this cluster ($PODFREIGHT_CLUSTER; default)')
    .option('--bundles-bucket <name>', 'the bucket of bundles ($PODFREIGHT_BUNDLES_BUCKET)')
    .option('--table <name>', 'the catalogue table ($PODFREIGHT_TABLE)')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight pull --pod default/my-redis --pod edge/web    the newest
  $ podfreight pull --pod default/my-redis --at 2026-11-22T13:20:00Z --node n1
  $ podfreight pull 6f0c7a8be0a94de2a1c1e86e1f2b9d37
  $ podfreight pull 6f0c7a8be0a94de2a1c1e86e1f2b9d37 -o bundle.tar.zst
  $ podfreight pull s3://archives/default/n1/3f9a…/20261122T132000Z.tar.zst`,
    )
    .action((bundle: string | undefined, flags: Flags) =>
      bundle === undefined ? pullPods(flags, context) : pullObject(bundle, flags, context),
    );
};

async function pullObject(bundle: string, flags: Flags, context: CommandContext): Promise<void> {
  const { output: file, pod, dryRun, at, node, cluster } = flags;
  if (file !== undefined && (pod !== undefined || dryRun)) {
    throw new PodfreightError('usage', '--output takes the archive as it is; leave --pod and --dry-run away.');
  }
  if ([at, node, cluster].some((flag) => flag !== undefined)) {
    throw new PodfreightError(
      'usage',
      '--at, --node and --cluster find pods without a bundle; leave them or the bundle away.',
    );
  }
  const source = await open(bundle, flags, context);
  try {
    if (file === undefined) await landFrom(source, flags, 'Pulling', context);
    else await downloadArchive(source, file, context);
  } finally {
    await source.close();
  }
}

async function open(bundle: string, flags: Flags, { output }: CommandContext): Promise<ObjectSource> {
  const url = /^s3:\/\/([^/]+)\/(.+)$/s.exec(bundle);
  if (!url && !BUNDLE_ID.test(bundle)) {
    const what = JSON.stringify(bundle);
    throw new PodfreightError(
      'usage',
      bundle.includes('/')
        ? `${what} is neither a bundle id nor s3://bucket/key; a pod is pulled by --pod namespace/name.`
        : `${what} is neither a bundle id nor s3://bucket/key; "podfreight list --bundles" shows ids.`,
    );
  }
  const settings = readSettings({});
  const regions = regionsIn(settings);
  const store = await openStore(regions);
  if (url) return await store.open({ bucket: url[1] ?? '', key: url[2] ?? '' });
  const places =
    flags.bundlesBucket === undefined ? await placesOf(settings, regions) : [{ bucket: flags.bundlesBucket }];
  return await openBundle(bundle, places, { store, warn: (message) => output.warn(message) });
}

async function placesOf(settings: Settings, regions: Regions): Promise<BundlePlace[]> {
  if (regions.size === 0) return [{ bucket: required(settings, 'bundlesBucket') }];
  const [{ ownRegion }, { s3Client }] = await Promise.all([
    import('../../aws/own-region.ts'),
    import('../../aws/s3-client.ts'),
  ]);
  return bundlePlaces(regions, settings.bundlesBucket, await ownRegion(s3Client()));
}

async function pullPods(flags: Flags, context: CommandContext): Promise<void> {
  const { output: file, dryRun } = flags;
  if (flags.pod === undefined) {
    throw new PodfreightError('usage', 'Say what to pull: a bundle, s3://bucket/key, or --pod namespace/name.');
  }
  if (file !== undefined && dryRun)
    throw new PodfreightError('usage', '--output inserts nothing; leave --dry-run away.');
  const settings = readSettings({
    ...(flags.cluster !== undefined && { cluster: flags.cluster }),
    ...(flags.table !== undefined && { table: flags.table }),
  });
  const selectors = selectorsOf(flags.pod, flags).map((selector) => inCluster(selector, settings.cluster));
  const { catalogue } = await openTable(settings);
  const from = { store: await openStore(regionsIn(settings)), catalogue };
  await using archive = await PodsArchive.open(selectors, from);
  for (const pod of archive.pods) {
    context.output.note(`Taking ${podTitle(pod)} of ${checkpointTime(pod)} from ${pod.origin.node}.`);
  }
  const { pod: _, ...landing } = flags; // they are all in the archive
  if (file === undefined) await landArchive(archive, landing, 'Pulling', context);
  else await writePods(archive, file, context);
}

function selectorsOf(names: readonly string[], { node, at }: Pick<Flags, 'node' | 'at'>): PodSelector[] {
  if (at !== undefined) parseInstant(at, '--at');
  if (node === '') throw new PodfreightError('usage', '--node must not be empty.');
  const narrowing = { ...(node !== undefined && { node }), ...(at !== undefined && { at }) };
  return names.map((name) => {
    if (isPodName(name)) return { pod: name, ...narrowing };
    if (isSandboxId(name)) return { sandboxId: name, ...narrowing };
    throw new PodfreightError('usage', `--pod is namespace/name or a SandboxID, and not ${JSON.stringify(name)}.`);
  });
}
