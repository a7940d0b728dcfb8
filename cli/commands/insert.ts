import { Option } from 'commander';
import { openArchive } from '../../core/archive/reader.ts';
import { PodfreightError } from '../../core/errors.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { FileSource } from '../file-source.ts';
import { KUBELET_CHECKPOINTS } from '../kubelet-directory.ts';
import { land } from '../landing/land.ts';
import { ON_CONFLICT, type OnConflict } from '../landing/plan.ts';
import { reportLanding } from '../landing/report.ts';
import { collect, POD_FLAG, POD_FLAG_HELP } from '../pod-selector.ts';
import type { Progress } from '../progress.ts';

interface Flags {
  readonly target: string;
  readonly input?: string;
  readonly onConflict: OnConflict;
  readonly pod?: readonly string[];
  readonly dryRun?: boolean;
}

export const setUp: SetUpCommand = (command, context) => {
  command
    .description(
      'Puts the checkpoints of an archive into a kubelet directory, beside those it has: all of them or none. ' +
        'The whole archive is checked before anything is visible; exit code 0 means that they survive a power cut. ' +
        'Inserting the same again changes nothing.',
    )
    .option(
      '-t, --target <directory>',
      'the kubelet directory; created with mode 0700 when it is missing',
      KUBELET_CHECKPOINTS,
    )
    .option('-i, --input <file>', 'the archive, from "podfreight extract", a bundle, or checkpointctl')
    .addOption(
      new Option('--on-conflict <action>', 'when the target has the same SandboxID with another checkpoint')
        .choices(ON_CONFLICT)
        .default('refuse' satisfies OnConflict),
    )
    .option(POD_FLAG, POD_FLAG_HELP, collect)
    .option('--dry-run', 'check the archive and say what would happen; write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight insert -i node-a.tar.zst                         everything, into this node's kubelet directory
  $ podfreight insert -i node-a.tar.zst --pod default/my-redis
  $ podfreight insert -i node-a.tar.zst -t /mnt/checkpoints --dry-run`,
    )
    .action((flags: Flags) => insert(flags, context));
};

async function insert(flags: Flags, { output, signal }: CommandContext): Promise<void> {
  const { input, target, onConflict, pod: selectors = [], dryRun = false } = flags;
  if (!input) throw new PodfreightError('usage', 'Specifying an archive (-i|--input) is required.');
  const source = await FileSource.open(input, 'follow');
  let progress: Progress | undefined;
  try {
    const archive = await openArchive(source);
    const landing = await land({
      archive,
      target,
      selectors,
      onConflict,
      dryRun,
      signal,
      onStart: (totalBytes) => (progress = output.progress(dryRun ? 'Checking' : 'Inserting', totalBytes)),
      onBytes: (bytes) => progress?.advance(bytes),
    });
    progress?.[Symbol.dispose]();
    reportLanding(landing, { output, archive, target, dryRun });
  } finally {
    progress?.[Symbol.dispose]();
    await source.close();
  }
}
