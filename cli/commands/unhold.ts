import { type ArchiveFlags, addArchiveFlags, chosenArchives, urlOf } from '../chosen-archives.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { safeText } from '../safe-text.ts';
import { openRemovals } from '../services.ts';
import { readSettings } from '../settings.ts';

export const setUp: SetUpCommand = (command, context) => {
  addArchiveFlags(
    command.description(
      'Lifts the holds of archives, so that they can be removed again; the next run of the retention policy may do that.',
    ),
  )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight unhold --pod default/my-redis
  $ podfreight unhold s3://archives/default/n1/3f9a…/20261122T132000Z.tar.zst`,
    )
    .action((archives: readonly string[], flags: ArchiveFlags) => unhold(archives, flags, context));
};

async function unhold(archives: readonly string[], flags: ArchiveFlags, { output }: CommandContext): Promise<void> {
  const settings = readSettings({
    ...(flags.table !== undefined && { table: flags.table }),
    ...(flags.cluster !== undefined && { cluster: flags.cluster }),
    ...(flags.archivesBucket !== undefined && { archivesBucket: flags.archivesBucket }),
  });
  const { unholdArchives } = await import('../../core/custody/hold-archives.ts');
  const context = await openRemovals(settings);
  const locations = await chosenArchives(archives, flags, { settings, catalogue: context.catalogue, alone: false });
  const lifted = await unholdArchives(locations, context);
  const wereHeld = new Set(lifted.map(({ location }) => urlOf(location)));
  const lines = locations.map((location) => {
    const url = urlOf(location);
    return `${wereHeld.has(url) ? 'free' : 'was not held'}  ${safeText(url)}\n`;
  });
  output.result({ archives: lifted.map(({ location, hold }) => ({ ...location, hold })) }, lines.join(''));
}
