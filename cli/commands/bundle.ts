import { inCluster, type PodSelector } from '../../core/bundle/pod-selector.ts';
import {
  type BundleForecast,
  type BundleProgress,
  type BundleResult,
  parseBundleRequest,
  type RewrittenArchive,
} from '../../core/bundle/request.ts';
import { parseInstant } from '../../core/catalogue/instant.ts';
import { PodfreightError } from '../../core/errors.ts';
import { knownRegion, type Regions } from '../../core/regions.ts';
import { formatBytes } from '../bytes.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { collect, podName } from '../pod-flag.ts';
import { safeText } from '../safe-text.ts';
import { readSettings, regionsIn, required } from '../settings.ts';

interface Flags {
  readonly pod?: readonly string[];
  readonly sandboxId?: readonly string[];
  readonly namespace?: string;
  readonly node?: string;
  readonly image?: string;
  readonly cluster?: string;
  readonly at?: string;
  readonly all?: boolean;
  readonly region?: string;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
  readonly bundleFunction?: string;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Makes a bundle: the newest checkpoint of each pod that is asked for, from whatever archives they are in, as one ' +
        'archive. S3 copies the bytes. Asking for the same again gives the same bundle, and goes on with one that was ' +
        'interrupted.',
    )
    .option('--pod <namespace/name>', 'this pod; may be repeated', (value, earlier?: readonly string[]) =>
      collect(podName(value), earlier),
    )
    .option('--sandbox-id <id>', 'the pod with this SandboxID; may be repeated', collect)
    .option('--namespace <name>', 'all pods of this namespace')
    .option('--node <name>', 'only checkpoints taken on this node')
    .option('--image <name>', 'only pods with a container of this image, by name or digest')
    .option('--cluster <name>', 'of this cluster ($PODFREIGHT_CLUSTER; default)')
    .option('--at <time>', 'as of then: no checkpoint taken later, as in 2026-11-22T13:20:00Z')
    .option('--all', "all of a pod's checkpoints, instead of the newest")
    .option('--region <name>', 'make it in this region, whichever the archives are in')
    .option('--dry-run', 'print what would be copied and rewritten, and make nothing')
    .option('-q, --quiet', 'print only the bundle id')
    .option('--bundle-function <name>', 'the function to ask ($PODFREIGHT_BUNDLE_FUNCTION)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight bundle --pod default/my-redis --pod edge/web
  $ podfreight bundle --namespace default --at 2026-11-22T13:20:00Z --dry-run
  $ podfreight bundle --pod default/my-redis --region us-east-1
  $ podfreight pull $(podfreight bundle --node node-a --quiet)`,
    )
    .action((flags: Flags) => bundle(flags, context));
};

async function bundle(flags: Flags, { output, signal }: CommandContext): Promise<void> {
  const settings = readSettings({
    ...(flags.cluster !== undefined && { cluster: flags.cluster }),
    ...(flags.bundleFunction !== undefined && { bundleFunction: flags.bundleFunction }),
  });
  if (flags.dryRun && flags.quiet) {
    throw new PodfreightError(
      'usage',
      '--dry-run makes no bundle whose id --quiet could print; leave one of them away.',
    );
  }
  const request = parseBundleRequest({
    pods: selectorsOf(flags, settings.cluster),
    ...(flags.dryRun && { dryRun: true }),
  });
  const functionName = required(settings, 'bundleFunction');
  const regions = regionsIn(settings);
  if (flags.region !== undefined) knownRegion(flags.region, regions);
  const { requestBundle } = await import('../../aws/bundle-function.ts');
  const client = await clientFor(flags.region, regions);
  using progress = output.progress('Waiting for the bundle');
  const onProgress = (done: BundleProgress) => progress.label(labelOf(done));
  const result = await requestBundle(functionName, request, { signal, onProgress, ...client });
  progress[Symbol.dispose]();
  const text = result.state === 'planned' ? forecastText(result) : resultText(result, regions);
  output.result(result, flags.quiet ? `${result.bundleId}\n` : text);
}

/** Of the function in that region; without one, in the own region, or where podfreight is nearest. */
async function clientFor(asked: string | undefined, regions: Regions) {
  const [{ lambdaClient }, { nearestRegion }] = await Promise.all([
    import('../../aws/lambda-client.ts'),
    import('../../aws/own-region.ts'),
  ]);
  const client = lambdaClient();
  const region = asked ?? (await nearestRegion(regions, client));
  if (region === undefined) return { client };
  const endpoint = regions.get(region)?.lambdaEndpoint;
  return { client: lambdaClient({ region, ...(endpoint !== undefined && { endpoint }) }), region };
}

/** Each --pod and --sandbox-id is a selector of its own; the other flags narrow all of them. */
function selectorsOf(flags: Flags, cluster: string | undefined): PodSelector[] {
  if (flags.at !== undefined) parseInstant(flags.at, '--at');
  const { pod = [], sandboxId = [], namespace, node, image, at, all } = flags;
  const narrowing = Object.fromEntries(
    Object.entries({ namespace, node, image, at, all }).filter(([, value]) => value !== undefined),
  );
  const named = [...pod.map((name) => ({ pod: name })), ...sandboxId.map((id) => ({ sandboxId: id }))];
  if (named.length === 0 && [namespace, node, image].every((filter) => filter === undefined)) {
    throw new PodfreightError('usage', 'Say which pods: --pod, --sandbox-id, --namespace, --node or --image.');
  }
  return (named.length === 0 ? [{}] : named).map((selector) => inCluster({ ...selector, ...narrowing }, cluster));
}

function labelOf({ step, doneBytes, totalBytes }: BundleProgress): string {
  const what = step === 'rewriting' ? 'Rewriting archives' : 'Copying';
  return `${what}: ${formatBytes(Math.min(doneBytes, totalBytes))} of ${formatBytes(totalBytes)} so far`;
}

function resultText(result: BundleResult, regions: Regions): string {
  const { bundleId, created, location, sizeBytes, parts, podCount } = result;
  const what = created ? `${counted(parts, 'part')}, ${effortText(result)}` : 'the same bundle was there already';
  const where = regions.size > 1 && location.region !== undefined ? ` in ${location.region}` : '';
  return (
    `Bundle ${bundleId}: ${counted(podCount, 'pod')}, ${formatBytes(sizeBytes)} (${what})\n` +
    `${podLines(result)}  s3://${location.bucket}/${location.key}${where}\n${rewrittenLines(result.rewritten)}`
  );
}

function forecastText(forecast: BundleForecast): string {
  const { bundleId, exact, there, sizeBytes, podCount, sources, parts } = forecast;
  const about = exact ? '' : 'about ';
  const name = bundleId === undefined ? 'a bundle' : `bundle ${bundleId}`;
  const what = there
    ? 'it is there already'
    : `${about}${parts.copied} parts copied and ${parts.uploaded} uploaded, ${effortText(forecast)}`;
  return (
    `Would make ${name}: ${counted(podCount, 'pod')} of ${counted(sources, 'archive')}, ${about}${formatBytes(sizeBytes)}` +
    ` (${what})\n${podLines(forecast)}${rewrittenLines(forecast.rewritten)}`
  );
}

function effortText({ bytesCopied, bytesThrough, requests }: BundleResult | BundleForecast): string {
  const { s3, dynamodb } = requests;
  return (
    `${formatBytes(bytesCopied)} copied by S3, ${formatBytes(bytesThrough)} through the function, ` +
    `${s3} requests to S3 and ${dynamodb} to DynamoDB`
  );
}

function podLines({ pods, podCount }: Pick<BundleResult, 'pods' | 'podCount'>): string {
  const lines = pods.map(({ namespace, name, checkpointedAt, origin, sizeBytes }) => {
    const size = sizeBytes === undefined ? '' : `  ${formatBytes(sizeBytes)}`;
    return `  ${safeText(`${namespace}/${name}`)}  ${checkpointedAt}  ${safeText(origin.node)}${size}\n`;
  });
  return lines.join('') + (podCount > pods.length ? `  and ${podCount - pods.length} more\n` : '');
}

/** Archives that S3 could not copy from, and why. */
function rewrittenLines(rewritten: readonly RewrittenArchive[]): string {
  return rewritten
    .map(({ archive, reason, bytesRead }) => {
      const how = bytesRead === 0 ? 'rewritten earlier' : `${formatBytes(bytesRead)} rewritten`;
      return `  ${safeText(archive)}: it ${reason} (${how})\n`;
    })
    .join('');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
