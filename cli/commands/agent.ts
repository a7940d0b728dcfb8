import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { ArchiveFormat } from '../../core/archive/format.ts';
import { type ErrorCode, PodfreightError } from '../../core/errors.ts';
import { Agent } from '../agent/agent.ts';
import { listen, parseListen } from '../agent/endpoint.ts';
import { Inventory } from '../agent/inventory.ts';
import { Log } from '../agent/log.ts';
import { Metrics } from '../agent/metrics.ts';
import { beNice } from '../agent/niceness.ts';
import type { MinFree } from '../agent/prune.ts';
import { atRate, Rate } from '../agent/rate.ts';
import { AgentState, isBeingWritten, ObservedState } from '../agent/state.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { KUBELET_CHECKPOINTS } from '../kubelet-directory.ts';
import { collect } from '../pod-flag.ts';
import { openStore, openTable } from '../services.ts';
import { originOf, readSettings, regionsIn, required } from '../settings.ts';
import { version } from '../version.ts';

const FORMATS: Readonly<Record<string, ArchiveFormat>> = { zstd: 'tar+zstd', none: 'tar' };
const STATE = '/var/lib/podfreight/agent.sqlite';
const LISTEN = '127.0.0.1:9464';

/** Kubernetes gives 30 s unless told otherwise. */
const STOP_MS = 20_000;

interface Flags {
  readonly target?: string[];
  readonly state: string;
  readonly flush?: boolean;
  readonly listen: string;
  readonly sweep: number;
  readonly settle: number;
  readonly maxRate?: number;
  readonly nice: number;
  readonly compress: ArchiveFormat;
  readonly prune?: boolean;
  readonly keep: number;
  readonly minFree?: MinFree;
  readonly cluster?: string;
  readonly node?: string;
  readonly archivesBucket?: string;
  readonly table?: string;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      "Watches a kubelet's checkpoint directory and pushes what is finished in it: archives of containers, and the pods " +
        'that a checkpointed.pods names. It goes on until SIGTERM.',
    )
    .option('-t, --target <directory>', `to watch, may be repeated (default: ${KUBELET_CHECKPOINTS})`, collect)
    .option('--flush', 'push all there is and end; 0 means that all of it is in S3')
    .option('--sweep <seconds>', 'look through the directories at least so often', seconds(1), 60)
    .option('--settle <seconds>', 'how long a file must not change, where its writers cannot be seen', seconds(1), 30)
    .option('-c, --compress <algorithm>', 'zstd or none', format, 'tar+zstd')
    .option('--max-rate <size>', 'send at most so much a second, as in 50MiB', size)
    .option('--nice <number>', 'niceness, from 0 to 19', wholeNumber(19), 10)
    .option('--prune', 'remove archives of containers that S3 and the catalogue have')
    .option('--keep <count>', 'of each container so many stay, with --prune', wholeNumber(1_000_000), 1)
    .option('--min-free <percent|size>', 'with --prune: when less is free the oldest go, even of those kept', minFree)
    .option('--state <file>', 'what was shipped', STATE)
    .option('--listen <address>', 'for /healthz and /metrics; none: nowhere', LISTEN)
    .option('--cluster <name>', 'the cluster this node belongs to ($PODFREIGHT_CLUSTER; default)')
    .option('--node <name>', "this node's name ($PODFREIGHT_NODE; the host's name)")
    .option('--archives-bucket <name>', 'the bucket of archives ($PODFREIGHT_ARCHIVES_BUCKET)')
    .option('--table <name>', 'the catalogue table ($PODFREIGHT_TABLE), for --prune')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight agent
  $ podfreight agent --prune --keep 2 --min-free 15%   and keep room on the disk
  $ podfreight agent --flush                             before a node goes away

Logs are lines on stderr: JSON, or text where that is a terminal.`,
    )
    .action((flags: Flags) => agent(flags, context));
};

async function agent(flags: Flags, { signal, mayTakeToStop }: CommandContext): Promise<void> {
  mayTakeToStop?.(STOP_MS);
  const { cluster, node, archivesBucket, table } = flags;
  const settings = readSettings({
    ...(cluster !== undefined && { cluster }),
    ...(node !== undefined && { node }),
    ...(archivesBucket !== undefined && { archivesBucket }),
    ...(table !== undefined && { table }),
  });
  const bucket = required(settings, 'archivesBucket');
  const prunes = flags.prune === true && flags.flush !== true;
  if (prunes) required(settings, 'table');
  const origin = originOf(settings);
  const address = parseListen(flags.listen);
  if (address === undefined && flags.listen !== 'none') {
    throw new PodfreightError('usage', `--listen must be host:port or none, and not ${JSON.stringify(flags.listen)}.`);
  }
  beNice(flags.nice);
  const log = new Log(process.stderr.isTTY ? 'text' : 'json');
  const directories = [...new Set((flags.target ?? [KUBELET_CHECKPOINTS]).map((path) => resolve(path)))];
  const destination = [bucket, origin.cluster, origin.node].join('/');

  const opened = await openState(flags, destination, directories, log, signal);
  if (opened === undefined) return;
  using state = opened;
  const s3 = await openStore(regionsIn(settings));
  const metrics = new Metrics();
  const agent = new Agent({
    ...{ directories, bucket, origin, state, log, metrics, signal },
    store: flags.maxRate === undefined ? s3 : atRate(s3, new Rate(flags.maxRate)),
    keys: s3,
    catalogue: prunes ? (await openTable(settings)).catalogue : undefined,
    format: flags.compress,
    prune: prunes ? { keep: flags.keep, ...(flags.minFree && { minFree: flags.minFree }) } : undefined,
    settleMs: flags.settle * 1000,
    sweepMs: flags.sweep * 1000,
  });
  if (flags.flush) {
    await agent.flush();
    log.info('All of it is in S3.', { directories });
    return;
  }
  const told = { metrics: () => agent.measure(), illness: () => agent.illness() };
  await using endpoint = address === undefined ? undefined : await listen(address, told);
  metrics.set('up', 1);
  log.info(`podfreight ${version} watches ${directories.join(', ')}.`, {
    ...{ directories, bucket, cluster: origin.cluster, node: origin.node },
    ...(endpoint !== undefined && { listens: endpoint.url }),
    prune: prunes,
  });
  await agent.run();
  log.info('Stopped. What was under way goes on at the next start.');
}

/** @returns undefined when an agent that runs has shipped all there is, which was what was asked for */
async function openState(
  { state: path, flush = false }: Flags,
  destination: string,
  directories: readonly string[],
  log: Log,
  signal: AbortSignal,
): Promise<AgentState | undefined> {
  const tellDamage = (aside: string) =>
    log.warn(`The state file was damaged and is now ${aside}; what S3 has is asked there.`, { state: path });
  const open = () => AgentState.open(path, destination, tellDamage);
  let state = await open();
  if (state !== 'busy') return state;
  if (!flush) {
    throw new PodfreightError('busy', `Another agent runs with the state ${path}; stop it or give another --state.`, {
      subject: { state: path },
    });
  }
  log.info('An agent is running with this state; waiting until it has shipped all there is.', { state: path });
  for (;;) {
    const waiting = await waitingFor(path, destination, directories);
    if (waiting?.every((problem) => problem !== undefined)) {
      const [problem] = waiting;
      if (problem === undefined) return undefined;
      throw new PodfreightError(problem.code as ErrorCode, problem.message, { subject: { waiting: waiting.length } });
    }
    await sleep(1000, undefined, { signal });
    state = await open();
    if (state !== 'busy') return state;
  }
}

/**
 * What the agent that runs has not shipped yet: of each file why it cannot be, where it cannot.
 * @returns undefined while that one has just begun, or takes its notes
 */
async function waitingFor(path: string, destination: string, directories: readonly string[]) {
  using observed = ObservedState.open(path, destination);
  if (observed === undefined) return undefined;
  try {
    const inventories = directories.map((directory) => new Inventory(directory, observed));
    for (const inventory of inventories) await inventory.refresh(0);
    return inventories
      .flatMap(({ files }) => [...files].filter(({ phase }) => phase !== 'stored'))
      .map(({ directory, name, version }) => observed.problem(directory, name, version));
  } catch (error) {
    if (isBeingWritten(error)) return undefined;
    throw error;
  }
}

function format(text: string): ArchiveFormat {
  const known = FORMATS[text.toLowerCase()];
  if (known === undefined) throw new InvalidArgumentError('It must be zstd or none.');
  return known;
}

function wholeNumber(most: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,7}$/.test(text) || Number(text) > most) throw new InvalidArgumentError(`It must be from 0 to ${most}.`);
    return Number(text);
  };
}

function seconds(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= 86_400)) throw new InvalidArgumentError(`It must be from ${least} to 86400.`);
    return value;
  };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

function size(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,3})?) ?([A-Za-z]*)$/.exec(text) ?? [];
  const bytes = Math.round(Number(digits) * (UNITS[unit] ?? Number.NaN));
  if (digits === '' || !(bytes > 0)) throw new InvalidArgumentError('It must be a size like 50MiB or 10GiB.');
  return bytes;
}

function minFree(text: string): MinFree {
  const [, digits] = /^(\d{1,2})%$/.exec(text) ?? [];
  return digits === undefined ? { bytes: size(text) } : { percent: Number(digits) };
}
