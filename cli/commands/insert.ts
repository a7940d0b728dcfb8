import { PodfreightError } from '../../core/errors.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { FileSource } from '../file-source.ts';
import { addLandingFlags, addTargetFlag, type LandingFlags, landFrom } from '../landing/from-source.ts';

interface Flags extends LandingFlags {
  readonly input?: string;
}

export const setUp: SetUpCommand = (command, context) => {
  command.description(
    'Puts the checkpoints of an archive into a kubelet directory, beside those it has: all of them or none. ' +
      'All that is inserted is checked before anything is visible; exit code 0 means that it survives a power cut. ' +
      'Inserting the same again changes nothing.',
  );
  addTargetFlag(command).option(
    '-i, --input <file>',
    'the archive, from "podfreight extract", a bundle, or checkpointctl',
  );
  addLandingFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight insert -i node-a.tar.zst              everything, into this node
  $ podfreight insert -i node-a.tar.zst --pod default/my-redis
  $ podfreight insert -i node-a.tar.zst -t /mnt/checkpoints --dry-run`,
    )
    .action((flags: Flags) => insert(flags, context));
};

async function insert(flags: Flags, context: CommandContext): Promise<void> {
  if (!flags.input) throw new PodfreightError('usage', 'Specifying an archive (-i|--input) is required.');
  const source = await FileSource.open(flags.input, 'follow');
  try {
    await landFrom(source, flags, 'Inserting', context);
  } finally {
    await source.close();
  }
}
