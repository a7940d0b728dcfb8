import { lstat } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { isPodfreightError, PodfreightError } from '../../core/errors.ts';
import { formatBytes } from '../bytes.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { checkpointTargets, oneFailure } from '../kubelet/checkpoint-targets.ts';
import type { Checkpoint } from '../kubelet/checkpointer.ts';
import { type ConnectFlags, connect } from '../kubelet/connect.ts';
import { type ShipCheckpoints, shipCheckpoints } from '../kubelet/ship-checkpoints.ts';
import { nameOf, parseTarget } from '../kubelet/target.ts';
import { type Destination, destinationOf, type Pushed } from '../push-paths.ts';
import { safeText } from '../safe-text.ts';
import { renderTable } from '../table.ts';

export interface Flags extends ConnectFlags {
  readonly timeout: number;
  readonly push: boolean;
  readonly cluster?: string;
  readonly node?: string;
  readonly archivesBucket?: string;
}

const TIMEOUT_SECONDS_MAX = 86_400;

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Has a node checkpoint containers, which run on, and pushes the archives. Asks the API server, which passes it on ' +
        'to the kubelet of the pod, or with --kubelet that one itself.',
    )
    .argument('<pod...>', 'namespace/pod for all containers that run in it, or namespace/pod/container')
    .option('--no-push', 'leave the archives on the node')
    .option('--cluster <name>', 'push: the cluster of the node ($PODFREIGHT_CLUSTER; default)')
    .option('--node <name>', "push: the node's name ($PODFREIGHT_NODE; this host's name)")
    .option('--archives-bucket <name>', 'push: the bucket of archives ($PODFREIGHT_ARCHIVES_BUCKET)')
    .option('--timeout <seconds>', 'for each container; kubelets take less than 2 minutes for 2 minutes', seconds, 120)
    .option('--kubelet <host[:port]>', 'ask this node itself, for pods that it runs')
    .option('--kubelet-ca <file>', "certificates to trust of a kubelet (in a pod: the cluster's)")
    .option('--server <url>', "the API server (in a pod: the cluster's); http:// only on this machine")
    .option('--ca-file <file>', "certificates to trust of an API server (in a pod: the cluster's)")
    .option('--node-name <name>', 'the node of all these pods, so that the API server is not asked for it')
    .option('--token-file <file>', "by which we are known (in a pod: its service account's)")
    .option('--insecure-skip-tls-verify', 'send the token to whoever answers, and believe it')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight checkpoint default/my-redis           in a pod that may do so
  $ podfreight checkpoint default/my-redis/redis --kubelet 10.0.0.5 \\
      --token-file ./token --kubelet-ca ./ca.crt
  $ kubectl proxy & podfreight checkpoint default/my-redis --no-push \\
      --server http://127.0.0.1:8001`,
    )
    .action((targets: readonly string[], flags: Flags) => checkpoint(targets, flags, context));
};

/** @param ship how archives travel from this machine's disk */
export async function checkpoint(
  names: readonly string[],
  flags: Flags,
  context: CommandContext,
  ship: ShipCheckpoints = shipCheckpoints,
): Promise<void> {
  const { output, signal } = context;
  const targets = names.map(parseTarget);
  const checkpointer = connect(flags);
  const destination = flags.push ? destinationFor(flags) : undefined; // no container is frozen for what cannot be pushed
  if (flags.insecureSkipTlsVerify) {
    output.warn('--insecure-skip-tls-verify: nothing proves who answers, and whoever it is gets the token.');
  }
  const { checkpoints, failures } = await checkpointTargets(targets, checkpointer, {
    timeoutSeconds: flags.timeout,
    signal,
    onStart: (container) => output.note(`Checkpointing ${nameOf(container)}, for up to ${flags.timeout} s.`),
  });
  const found = await Promise.all(checkpoints.map(withSize));
  const pushed = destination && (await push(found, destination, context, ship));
  if (found.length > 0) await report(found, pushed?.archives, context);
  const all = [...failures, ...(pushed?.failures ?? [])];
  if (all.length > 0) throw oneFailure(all);
}

interface FoundCheckpoint extends Checkpoint {
  /** Absent when there is no such file on this machine. */
  readonly sizeBytes?: number;
}

async function withSize(checkpoint: Checkpoint): Promise<FoundCheckpoint> {
  const found = await lstat(checkpoint.path).catch(() => undefined);
  return found?.isFile() ? { ...checkpoint, sizeBytes: found.size } : checkpoint;
}

function destinationFor({ cluster, node, archivesBucket }: Flags): Destination {
  return destinationOf({
    ...(cluster !== undefined && { cluster }),
    ...(node !== undefined && { node }),
    ...(archivesBucket !== undefined && { archivesBucket }),
  });
}

/** What cannot be pushed is on the node all the same, so that a failure must not hide it. */
async function push(
  found: readonly FoundCheckpoint[],
  destination: Destination,
  context: CommandContext,
  ship: ShipCheckpoints,
): Promise<Pushed> {
  const here = found.filter(({ sizeBytes }) => sizeBytes !== undefined).map(({ path }) => path);
  const failures = found.filter(({ sizeBytes }) => sizeBytes === undefined).map(elsewhere);
  try {
    context.signal.throwIfAborted();
    if (here.length === 0) return { archives: [], failures };
    const pushed = await ship(here, destination, context);
    return { archives: pushed.archives, failures: [...failures, ...pushed.failures] };
  } catch (error) {
    if (!isPodfreightError(error)) throw error;
    return { archives: [], failures: [...failures, error] };
  }
}

function elsewhere({ path, node }: Checkpoint): PodfreightError {
  const where = node === undefined ? 'the node' : `the node ${node}`;
  return new PodfreightError(
    'not-found',
    `Cannot push ${path}: it is on ${where} and not here; "podfreight agent" or "podfreight push" there does it.`,
    { subject: { path } },
  );
}

async function report(
  checkpoints: readonly FoundCheckpoint[],
  archives: Pushed['archives'] | undefined,
  { output }: CommandContext,
): Promise<void> {
  const rows = checkpoints.map((checkpoint) => [
    nameOf(checkpoint),
    checkpoint.path,
    checkpoint.sizeBytes === undefined ? '' : formatBytes(checkpoint.sizeBytes),
  ]);
  const pushed = archives?.map(({ location, ...rest }) => ({ ...location, ...rest }));
  const table = await renderTable(['Container', 'Archive', 'Size'], rows, { merge: false });
  const lines = (archives ?? []).map(({ location, stored, sizeBytes }) => {
    const key = safeText(`s3://${location.bucket}/${location.key}`);
    return `${stored ? 'pushed ' : 'present'}  ${key}  (${formatBytes(sizeBytes)})\n`;
  });
  output.result({ checkpoints, ...(pushed && { archives: pushed }) }, table + lines.join(''));
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= TIMEOUT_SECONDS_MAX) return value;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${TIMEOUT_SECONDS_MAX}.`);
}
