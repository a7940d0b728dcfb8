import type { ArchiveFormat } from '../../core/archive/format.ts';
import { PodfreightError } from '../../core/errors.ts';
import { formatBytes } from '../bytes.ts';
import type { SetUpCommand } from '../command.ts';
import { oneFailure } from '../kubelet/checkpoint-targets.ts';
import { KUBELET_CHECKPOINTS } from '../kubelet-directory.ts';
import type { Output } from '../output.ts';
import { collect, POD_FLAG, POD_FLAG_HELP } from '../pod-flag.ts';
import { destinationOf, type PushedArchive, pushPaths } from '../push-paths.ts';
import { safeText } from '../safe-text.ts';

const FORMATS: Readonly<Record<string, ArchiveFormat>> = { zstd: 'tar+zstd', none: 'tar' };

interface Flags {
  target?: string;
  compress: string;
  pod?: string[];
  cluster?: string;
  node?: string;
  archivesBucket?: string;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Pushes checkpoints to S3: one archive for each pod of a kubelet directory, whether it has a checkpointed.pods or the ' +
        'archives of containers that kubelets write today; or files: such archives of containers, of one pod together, ' +
        'or what "podfreight extract" made. Only what is finished goes, and what is there already is not sent again.',
    )
    .argument('[path...]', `kubelet directories and archives (default: ${KUBELET_CHECKPOINTS})`)
    .option('-t, --target <path>', 'the same as an argument')
    .option(
      '-c, --compress <algorithm>',
      'zstd or none; for directories and container archives. Bundles copy archives of one kind, and recompress none beside zstd',
      'zstd',
    )
    .option(POD_FLAG, `${POD_FLAG_HELP}; for directories and container archives`, collect)
    .option('--cluster <name>', 'the cluster this node belongs to ($PODFREIGHT_CLUSTER; default)')
    .option('--node <name>', "this node's name ($PODFREIGHT_NODE; the host's name)")
    .option('--archives-bucket <name>', 'the bucket of archives ($PODFREIGHT_ARCHIVES_BUCKET)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight push                      all pods of this node
  $ podfreight push --pod default/my-redis --node n1
  $ podfreight push checkpoint-my-redis_default-*.tar  as kubelets call them
  $ podfreight push counter.tar.zst      what Podman wrote
  $ podfreight push node-a.tar.zst       an archive, also one of checkpointctl`,
    )
    .action(async (given: string[], flags: Flags) => {
      const format = FORMATS[flags.compress.toLowerCase()];
      if (format === undefined) {
        const algorithm = JSON.stringify(flags.compress);
        throw new PodfreightError('usage', `--compress is zstd or none for push, and not ${algorithm}.`);
      }
      const { cluster, node, archivesBucket, target } = flags;
      const destination = destinationOf({
        ...(cluster !== undefined && { cluster }),
        ...(node !== undefined && { node }),
        ...(archivesBucket !== undefined && { archivesBucket }),
      });
      const named = [...given, ...(target === undefined ? [] : [target])];
      const paths = named.length > 0 ? named : [KUBELET_CHECKPOINTS];
      const { archives, failures } = await pushPaths(
        paths,
        { format, selectors: flags.pod ?? [] },
        destination,
        context,
      );
      if (archives.length > 0) report(context.output, archives);
      if (failures.length > 0) throw oneFailure(failures);
    });
};

function report(output: Output, results: readonly PushedArchive[]): void {
  const json = results.map(({ location, ...rest }) => ({ ...location, ...rest }));
  const lines = results.flatMap(({ location, stored, contentBytes, sizeBytes, files = [] }) => {
    const sizes = `${formatBytes(contentBytes)} as ${formatBytes(sizeBytes)}`;
    const key = safeText(`s3://${location.bucket}/${location.key}`);
    return [`${stored ? 'pushed ' : 'present'}  ${key}  (${sizes})\n`, ...files.map((file) => `         ${file}\n`)];
  });
  output.result({ archives: json }, lines.join(''));
}
