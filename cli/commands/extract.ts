import type { ArchiveFormat } from '../../core/archive/format.ts';
import { type PodFile, writeArchive } from '../../core/archive/writer.ts';
import { PodfreightError } from '../../core/errors.ts';
import { formatManifest } from '../../core/manifest/manifest.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { type DirectoryPods, directoryPods } from '../directory-pods.ts';
import { hashThread } from '../hash-thread.ts';
import { KUBELET_CHECKPOINTS, type Snapshot } from '../kubelet-directory.ts';
import { NewFile } from '../new-file.ts';
import { collect, POD_FLAG, POD_FLAG_HELP } from '../pod-flag.ts';
import type { Progress } from '../progress.ts';
import { safeText } from '../safe-text.ts';

const FORMATS: Readonly<Record<string, ArchiveFormat>> = { zstd: 'tar+zstd', gzip: 'tar+gzip', none: 'tar' };

const STDOUT = '-';

interface Flags {
  readonly target: string;
  readonly output?: string;
  readonly compress: string;
  readonly pod?: readonly string[];
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Writes the checkpoints of a kubelet directory, with a manifest that names them, to one archive: a tar in zstd ' +
        'that GNU tar, zstd and checkpointctl read. The same checkpoints give the same bytes. Of containers that have ' +
        'several archives, the newest is taken.',
    )
    .option('-t, --target <directory>', 'the directory with the checkpoints', KUBELET_CHECKPOINTS)
    .option('-o, --output <file>', 'the archive to write, with mode 0600; an existing file is replaced; - is stdout')
    .option('-c, --compress <algorithm>', 'zstd, gzip or none', 'zstd')
    .option(POD_FLAG, POD_FLAG_HELP, collect)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight extract -o node-a.tar.zst                 everything on this node
  $ podfreight extract --pod default/my-redis -o redis.tar.zst
  $ podfreight extract -c none -o - | ssh backup 'cat > node-a.tar'`,
    )
    .action((flags: Flags) => extract(flags, context));
};

async function extract(flags: Flags, context: CommandContext): Promise<void> {
  const format = FORMATS[flags.compress.toLowerCase()];
  if (format === undefined) {
    const given = JSON.stringify(flags.compress);
    throw new PodfreightError('usage', `Cannot compress with ${given}; --compress knows zstd, gzip and none.`);
  }
  if (!flags.output) {
    throw new PodfreightError('usage', 'Specifying an output file (-o|--output) is required.');
  }
  await using snapshot = await checked(flags, context);
  if (flags.output === STDOUT) return await extractToStdout(snapshot, format, context);

  const { output } = context;
  if (!output.json) output.result(undefined, `\nExtracting checkpoint data from ${safeText(snapshot.place)}\n\n`);
  await using file = await NewFile.create(flags.output);
  const sizeBytes = await writeSnapshot(snapshot, format, context, (chunk) => file.write(chunk));
  await file.publish();
  if (output.json) output.result(asJson(snapshot, flags.output, format, sizeBytes), '');
}

/** The directory's pods; container archives are read through for it. */
async function checked({ target, pod = [] }: Flags, { output, signal }: CommandContext): Promise<DirectoryPods> {
  using progress = output.progress('Checking');
  const pods = await directoryPods(target, pod, { signal, onRead: (bytes) => progress.advance(bytes) });
  if (pods.others.length > 0) {
    const others = pods.others.join(', ');
    output.warn(`Not among them, as the archive has each container once: ${others}; "podfreight push" takes all.`);
  }
  return pods;
}

async function extractToStdout(snapshot: Snapshot, format: ArchiveFormat, context: CommandContext): Promise<void> {
  if (process.stdout.isTTY || context.output.json) {
    const why = context.output.json ? 'is for the JSON' : 'is a terminal';
    throw new PodfreightError('usage', `Cannot write an archive to stdout, which ${why}; name a file with --output.`);
  }
  await writeSnapshot(snapshot, format, context, (chunk) => context.output.bytes(chunk));
}

/** @returns the archive's size */
async function writeSnapshot(
  { manifest, pods }: Snapshot,
  format: ArchiveFormat,
  { output, signal }: CommandContext,
  write: (chunk: Buffer) => Promise<void>,
): Promise<number> {
  using progress = output.progress(
    'Extracting',
    pods.reduce((sum, pod) => sum + pod.sizeBytes, 0),
  );
  const newest = Math.max(0, ...pods.map((pod) => pod.modifiedAt.getTime()));
  const content = {
    manifest: formatManifest(manifest),
    modifiedAt: new Date(newest), // not the manifest's own time: it changes where the checkpoints do not
    pods: pods.map((pod) => ({ ...pod, read: watched(pod, progress) })),
    format,
  };
  const { stream } = writeArchive(content, { fleeting: true, hashing: hashThread });
  let sizeBytes = 0;
  for await (const chunk of stream) {
    signal.throwIfAborted();
    await write(chunk);
    sizeBytes += chunk.length;
  }
  return sizeBytes;
}

function watched({ read }: PodFile, progress: Progress): PodFile['read'] {
  return async function* (memory) {
    for await (const chunk of read(memory)) {
      progress.advance(chunk.length);
      yield chunk;
    }
  };
}

function asJson({ manifest, pods }: Snapshot, output: string, format: ArchiveFormat, sizeBytes: number) {
  return {
    output,
    format,
    sizeBytes,
    pods: (manifest.pods ?? []).map(({ sandboxId, namespace, name }, i) => {
      return { sandboxId, namespace, name, sizeBytes: pods[i]?.sizeBytes };
    }),
  };
}
