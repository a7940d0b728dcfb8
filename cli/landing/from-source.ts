import { type Command, Option } from 'commander';
import { type Archive, openArchive } from '../../core/archive/reader.ts';
import type { ByteSource } from '../../core/ports.ts';
import type { CommandContext } from '../command.ts';
import { KUBELET_CHECKPOINTS } from '../kubelet-directory.ts';
import { collect, POD_FLAG, POD_FLAG_HELP } from '../pod-flag.ts';
import type { Progress } from '../progress.ts';
import { FORMS, type Form } from './form.ts';
import { land } from './land.ts';
import { ON_CONFLICT, type OnConflict } from './plan.ts';
import { reportLanding } from './report.ts';

/** What every command that lands something takes. */
export interface LandingFlags {
  readonly target: string;
  readonly onConflict: OnConflict;
  readonly as?: Form;
  readonly pod?: readonly string[];
  readonly dryRun?: boolean;
}

export function addTargetFlag(command: Command): Command {
  return command.option(
    '-t, --target <directory>',
    'the kubelet directory; created with mode 0700 when it is missing',
    KUBELET_CHECKPOINTS,
  );
}

export function addLandingFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--on-conflict <action>',
        'when the target has another checkpoint with the same SandboxID, or file name',
      )
        .choices(ON_CONFLICT)
        .default('refuse' satisfies OnConflict),
    )
    .addOption(
      new Option(
        '--as <form>',
        'how pods made of container archives land: in pods, <SandboxID>.tar, or in containers, each under its own name ' +
          '(default: pods where the target has a checkpointed.pods or not all are made of such, else containers)',
      ).choices(FORMS),
    )
    .option(POD_FLAG, POD_FLAG_HELP, collect)
    .option('--dry-run', 'check the archive and say what would happen; write nothing')
    .option('--json', 'print the result as JSON');
}

/**
 * Lands the archive in `source`, which stays the caller's to close: see {@link landArchive}.
 * @throws PodfreightError as {@link land}
 */
export async function landFrom(
  source: ByteSource,
  flags: LandingFlags,
  label: string,
  context: CommandContext,
): Promise<void> {
  await landArchive(await openArchive(source), flags, label, context);
}

/**
 * Lands an archive with progress and report.
 * @param label of the progress line
 * @throws PodfreightError as {@link land}
 */
export async function landArchive(
  archive: Archive,
  { target, onConflict, as, pod: selectors = [], dryRun = false }: LandingFlags,
  label: string,
  { output, signal }: CommandContext,
): Promise<void> {
  let progress: Progress | undefined;
  try {
    const landing = await land({
      archive,
      target,
      selectors,
      onConflict,
      as,
      dryRun,
      signal,
      onStart: (totalBytes) => (progress = output.progress(dryRun ? 'Checking' : label, totalBytes)),
      onBytes: (bytes) => progress?.advance(bytes),
    });
    progress?.[Symbol.dispose]();
    reportLanding(landing, { output, archive, target, dryRun });
  } finally {
    progress?.[Symbol.dispose]();
  }
}
