import { openArchive } from '../../core/archive/reader.ts';
import { isPodfreightError, PodfreightError } from '../../core/errors.ts';
import { bundleKey } from '../../core/keys.ts';
import type { ArchiveStore, ObjectLocation, ObjectSource } from '../../core/ports.ts';
import { formatBytes } from '../bytes.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { FileSource } from '../file-source.ts';
import { addLandingFlags, addTargetFlag, type LandingFlags, landFrom } from '../landing/from-source.ts';
import { NewFile } from '../new-file.ts';
import { readSettings, required } from '../settings.ts';

interface Flags extends LandingFlags {
  readonly output?: string;
  readonly bundlesBucket?: string;
}

const BUNDLE_ID = /^[0-9a-f]{32}$/;

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Pulls a bundle or an archive from S3 straight into a kubelet directory, as safely as "podfreight insert" does; ' +
        'with --output only into a file.',
    )
    .argument('<bundle>', 'a bundle id, or s3://bucket/key of a bundle or an archive');
  addTargetFlag(command).option(
    '-o, --output <file>',
    'write the archive to this file, with mode 0600, and insert nothing',
  );
  addLandingFlags(command)
    .option('--bundles-bucket <name>', 'the bucket of bundles ($PODFREIGHT_BUNDLES_BUCKET)')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight pull 6f0c7a8be0a94de2a1c1e86e1f2b9d37
  $ podfreight pull s3://archives/default/node-a/3f9a…/20261122T132000Z.tar.zst --pod default/my-redis
  $ podfreight pull 6f0c7a8be0a94de2a1c1e86e1f2b9d37 -o bundle.tar.zst`,
    )
    .action((bundle: string, flags: Flags) => pull(bundle, flags, context));
};

async function pull(bundle: string, flags: Flags, context: CommandContext): Promise<void> {
  if (flags.output !== undefined && (flags.pod !== undefined || flags.dryRun)) {
    throw new PodfreightError('usage', '--output takes the archive as it is; leave --pod and --dry-run away.');
  }
  const candidates = locationsOf(bundle, flags);
  const { S3ArchiveStore } = await import('../../aws/s3-archive-store.ts');
  const source = await openFirst(new S3ArchiveStore(), candidates, bundle);
  try {
    if (flags.output === undefined) await landFrom(source, flags, 'Pulling', context);
    else await download(source, flags.output, context);
  } finally {
    await source.close();
  }
}

/** Where it may be: a bundle's id does not say how the bundle is compressed. */
function locationsOf(bundle: string, flags: Flags): ObjectLocation[] {
  const url = /^s3:\/\/([^/]+)\/(.+)$/s.exec(bundle);
  if (url) return [{ bucket: url[1] ?? '', key: url[2] ?? '' }];
  if (!BUNDLE_ID.test(bundle)) {
    throw new PodfreightError(
      'usage',
      `${JSON.stringify(bundle)} is neither a bundle id nor s3://bucket/key; "podfreight list --bundles" shows ids.`,
    );
  }
  const settings = readSettings(flags.bundlesBucket === undefined ? {} : { bundlesBucket: flags.bundlesBucket });
  const bucket = required(settings, 'bundlesBucket');
  return (['tar+zstd', 'tar'] as const).map((format) => ({ bucket, key: bundleKey(bundle, format) }));
}

async function openFirst(
  store: ArchiveStore,
  candidates: readonly ObjectLocation[],
  name: string,
): Promise<ObjectSource> {
  for (const location of candidates) {
    try {
      return await store.open(location);
    } catch (error) {
      if (!isPodfreightError(error, 'not-found') || error.subject.key === undefined || candidates.length === 1)
        throw error;
    }
  }
  const bucket = candidates[0]?.bucket;
  throw new PodfreightError(
    'not-found',
    `There is no bundle ${name} in s3://${bucket}; "podfreight list --bundles" shows what there is.`,
    {
      subject: { bundleId: name, bucket },
    },
  );
}

/** The file gets its name when it is whole, checked and on disk. */
async function download(source: ObjectSource, path: string, { output, signal }: CommandContext): Promise<void> {
  await using file = await NewFile.create(path);
  {
    using progress = output.progress('Pulling', source.sizeBytes);
    for await (const chunk of source.stream({ start: 0, end: source.sizeBytes })) {
      signal.throwIfAborted();
      await file.write(chunk);
      progress.advance(chunk.length);
    }
  }
  await check(file, source.name, { output, signal });
  await file.publish();
  output.result({ output: path, source: source.name, sizeBytes: source.sizeBytes }, '');
  output.note(`${path}: ${formatBytes(source.sizeBytes)} from ${source.name}.`);
}

/** Reads the file back through the archive's own digests. */
async function check(file: NewFile, name: string, { output, signal }: CommandContext): Promise<void> {
  const source = await FileSource.of(file.handle, name); // not closed: the handle stays the file's
  using progress = output.progress('Checking');
  for await (const { data } of (await openArchive(source)).members()) {
    for await (const chunk of data) {
      signal.throwIfAborted();
      progress.advance(chunk.length);
    }
  }
}
