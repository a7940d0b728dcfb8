import { stat } from 'node:fs/promises';
import type { ArchiveFormat } from '../../core/archive/format.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { PushOptions, PushResult } from '../../core/push.ts';
import { pushAll } from '../../core/push-all.ts';
import { type Shipment, shipArchive, shipPods } from '../../core/shipment.ts';
import { formatBytes } from '../bytes.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { orFileError } from '../file-error.ts';
import { FileSource } from '../file-source.ts';
import { KUBELET_CHECKPOINTS, KubeletDirectory } from '../kubelet-directory.ts';
import type { Output } from '../output.ts';
import { collect, matchPods, POD_FLAG, POD_FLAG_HELP } from '../pod-flag.ts';
import { originOf, readSettings, required } from '../settings.ts';

const FORMATS: Readonly<Record<string, ArchiveFormat>> = { zstd: 'tar+zstd', none: 'tar' };

interface Flags {
  target?: string;
  compress: string;
  pod?: string[];
  cluster?: string;
  node?: string;
  archivesBucket?: string;
}

export const setUp: SetUpCommand = (command, { output, signal }) => {
  command
    .description(
      'Pushes checkpoints to S3: one archive for each pod of a kubelet directory, or a file made by "podfreight extract". ' +
        'What is there already is not sent again.',
    )
    .argument('[path]', `a kubelet directory or an archive (default: ${KUBELET_CHECKPOINTS})`)
    .option('-t, --target <path>', 'the same as the argument')
    .option(
      '-c, --compress <algorithm>',
      'zstd or none; for a directory. Bundles copy archives of one kind, and recompress none beside zstd',
      'zstd',
    )
    .option(POD_FLAG, `${POD_FLAG_HELP}; for a directory`, collect)
    .option('--cluster <name>', 'the cluster this node belongs to ($PODFREIGHT_CLUSTER; default)')
    .option('--node <name>', "this node's name ($PODFREIGHT_NODE; the host's name)")
    .option('--archives-bucket <name>', 'the bucket of archives ($PODFREIGHT_ARCHIVES_BUCKET)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight push                                   all pods of this node
  $ podfreight push --pod default/my-redis --node n1  one pod, from a node with another name than the host
  $ podfreight push node-a.tar.zst                    an archive that "podfreight extract" or checkpointctl made`,
    )
    .action(async (argument: string | undefined, flags: Flags) => {
      const path = argument ?? flags.target ?? KUBELET_CHECKPOINTS;
      const settings = readSettings({
        ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
        ...(flags.node === undefined ? {} : { node: flags.node }),
        ...(flags.archivesBucket === undefined ? {} : { archivesBucket: flags.archivesBucket }),
      });
      const bucket = required(settings, 'archivesBucket');
      const origin = originOf(settings);
      const isDirectory = (await orFileError(`Cannot open ${path}`, () => stat(path))).isDirectory();
      await using shipments = isDirectory
        ? await shipDirectory(path, flags)
        : await shipFile(path, flags, { output, signal });
      if (shipments.list.every(({ sandboxIds }) => sandboxIds.length === 0)) {
        throw new PodfreightError('not-found', `${path} lists no pods, so there is nothing to push.`, {
          subject: { path },
        });
      }
      const { S3ArchiveStore } = await import('../../aws/s3-archive-store.ts');
      const store = new S3ArchiveStore();
      report(output, await pushWithProgress(shipments.list, { store, bucket, origin, signal }, output));
    });
};

interface Shipments extends AsyncDisposable {
  readonly list: readonly Shipment[];
}

async function shipDirectory(path: string, flags: Flags): Promise<Shipments> {
  const format = FORMATS[flags.compress.toLowerCase()];
  if (format === undefined) {
    throw new PodfreightError(
      'usage',
      `--compress is zstd or none for push, and not ${JSON.stringify(flags.compress)}.`,
    );
  }
  const directory = new KubeletDirectory(path);
  const snapshot = await directory.snapshot((manifest) => matchPods(manifest, flags.pod ?? [], path));
  const list = snapshot.pods.map((file, i) => {
    const pods = (snapshot.manifest.pods ?? []).slice(i, i + 1);
    return shipPods({ ...snapshot.manifest, pods }, [file], format);
  });
  return { list, [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose]() };
}

async function shipFile(path: string, flags: Flags, { output, signal }: CommandContext): Promise<Shipments> {
  if (flags.pod !== undefined) {
    throw new PodfreightError('usage', '--pod picks from a directory; an archive is pushed as a whole.');
  }
  const source = await FileSource.open(path, 'follow');
  try {
    using progress = output.progress('Checking');
    const shipment = await shipArchive(source, { signal, onRead: (bytes) => progress.advance(bytes) });
    return { list: [shipment], [Symbol.asyncDispose]: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function pushWithProgress(
  shipments: readonly Shipment[],
  options: PushOptions,
  output: Output,
): Promise<PushResult[]> {
  using progress = output.progress(
    'Pushing',
    shipments.reduce((sum, { readBytes }) => sum + readBytes, 0),
  );
  return await Array.fromAsync(pushAll(shipments, { ...options, onRead: (bytes) => progress.advance(bytes) }));
}

function report(output: Output, results: readonly PushResult[]): void {
  const json = results.map(({ location, ...rest }) => ({ ...location, ...rest }));
  const lines = results.map(({ location, stored, contentBytes, sizeBytes }) => {
    const sizes = `${formatBytes(contentBytes)} as ${formatBytes(sizeBytes)}`;
    return `${stored ? 'pushed ' : 'present'}  s3://${location.bucket}/${location.key}  (${sizes})\n`;
  });
  output.result({ archives: json }, lines.join(''));
}
