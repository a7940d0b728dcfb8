import type { RemovedArchive } from '../../core/custody/remove-archives.ts';
import type { ObjectLocation } from '../../core/ports.ts';
import { type ArchiveFlags, addArchiveFlags, chosenArchives, urlOf } from '../chosen-archives.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { type DeedFlags, deedOf } from '../deed-flags.ts';
import { safeText } from '../safe-text.ts';
import { openRemovals } from '../services.ts';
import { readSettings } from '../settings.ts';

interface Flags extends ArchiveFlags, DeedFlags {
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export const setUp: SetUpCommand = (command, context) => {
  addArchiveFlags(
    command.description(
      'Removes archives from S3 and the catalogue: all that are named, or none. The bucket keeps what was removed as old ' +
        'versions for as long as its deployment says; "podfreight list --removed" tells who removed what, when and why. What ' +
        'is held stays.',
    ),
  )
    .option('--reason <text>', 'why')
    .option('--by <name>', 'who; else user and host')
    .option('--force', 'also what is held')
    .option('--dry-run', 'print what would be removed')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight rm --pod default/my-redis --reason "taken by mistake"
  $ podfreight rm --pod default/my-redis --all --dry-run
  $ podfreight rm s3://archives/default/n1/3f9a…/20261122T132000Z.tar.zst`,
    )
    .action((archives: readonly string[], flags: Flags) => rm(archives, flags, context));
};

async function rm(archives: readonly string[], flags: Flags, { output, signal }: CommandContext): Promise<void> {
  const settings = readSettings({
    ...(flags.table !== undefined && { table: flags.table }),
    ...(flags.cluster !== undefined && { cluster: flags.cluster }),
    ...(flags.archivesBucket !== undefined && { archivesBucket: flags.archivesBucket }),
  });
  const deed = deedOf(flags, 'removed by podfreight rm');
  const { removable, removeArchives } = await import('../../core/custody/remove-archives.ts');
  const context = { ...(await openRemovals(settings)), signal };
  const { catalogue } = context;
  const locations = await chosenArchives(archives, flags, { settings, catalogue, alone: true });
  const orders = locations.map((location) => ({ location, ...deed }));
  const { force = false } = flags;
  if (flags.dryRun) {
    await removable(orders, context, force);
    const text = locations.map((location) => `would remove  ${safeText(urlOf(location))}\n`).join('');
    return output.result({ dryRun: true, archives: locations.map(locationOnly) }, text);
  }
  using progress = output.progress('Removing');
  const gone: string[] = [];
  const onRemoved = ({ location }: RemovedArchive) => {
    gone.push(safeText(urlOf(location)));
    progress.label(`Removing: ${gone.at(-1)}`);
  };
  const removed = await removeArchives(orders, context, { force, onRemoved }).catch((error) => {
    for (const url of gone) output.note(`${url} was removed before the next one failed.`);
    throw error;
  });
  progress[Symbol.dispose]();
  const text = removed.map(({ location }) => `removed  ${safeText(urlOf(location))}\n`).join('');
  output.result({ dryRun: false, archives: removed.map(({ location, removal }) => ({ ...location, removal })) }, text);
}

function locationOnly({ bucket, key }: ObjectLocation) {
  return { bucket, key };
}
