import { type ArchiveFlags, addArchiveFlags, chosenArchives, urlOf } from '../chosen-archives.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { type DeedFlags, deedOf } from '../deed-flags.ts';
import { safeText } from '../safe-text.ts';
import { openRemovals } from '../services.ts';
import { readSettings } from '../settings.ts';

type Flags = ArchiveFlags & DeedFlags;

export const setUp: SetUpCommand = (command, context) => {
  addArchiveFlags(
    command.description(
      'Keeps archives from being removed by rm, prune and the retention policy, until "podfreight unhold". Where the bucket has ' +
        "S3's own locks (Object Lock), nobody can delete their bytes either. A hold is on a whole archive, with all pods in it.",
    ),
  )
    .option('--reason <text>', 'why')
    .option('--by <name>', 'who; else user and host')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight hold --pod default/my-redis --reason "incident 4711"
  $ podfreight hold s3://archives/default/n1/3f9a…/20261122T132000Z.tar.zst
  $ podfreight list --held`,
    )
    .action((archives: readonly string[], flags: Flags) => hold(archives, flags, context));
};

async function hold(archives: readonly string[], flags: Flags, { output }: CommandContext): Promise<void> {
  const settings = readSettings({
    ...(flags.table !== undefined && { table: flags.table }),
    ...(flags.cluster !== undefined && { cluster: flags.cluster }),
    ...(flags.archivesBucket !== undefined && { archivesBucket: flags.archivesBucket }),
  });
  const deed = deedOf(flags, 'held by podfreight hold');
  const { holdArchives } = await import('../../core/custody/hold-archives.ts');
  const { wholeSeconds } = await import('../../core/catalogue/instant.ts');
  const context = await openRemovals(settings);
  const locations = await chosenArchives(archives, flags, { settings, catalogue: context.catalogue, alone: false });
  const held = await holdArchives(locations, { ...deed, at: wholeSeconds(new Date()) }, context);
  const lines = held.map(({ location, hold: { by, reason, at }, isNew, isLocked }) => {
    const before = isNew ? '' : `  (since ${at}, by ${by}: ${reason})`;
    return `held${isLocked ? ' and locked' : ''}  ${safeText(urlOf(location) + before)}\n`;
  });
  const listed = held.map(({ location, hold, isNew, isLocked }) => ({
    ...location,
    hold,
    new: isNew,
    locked: isLocked,
  }));
  output.result({ archives: listed }, lines.join(''));
}
