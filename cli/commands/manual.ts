import type { SetUpCommand } from '../command.ts';
import { manual } from '../manual/manual.ts';
import { buildProgram, setUpCommand } from '../program.ts';
import { topics } from '../topics/index.ts';
import { commands } from './index.ts';

export const setUp: SetUpCommand = (command, context) => {
  command
    .description('Prints the manual page, for man: all commands, settings, files and exit codes.')
    .addHelpText(
      'after',
      `
Examples:
  $ podfreight manual | man -l -
  $ podfreight manual > /usr/local/share/man/man1/podfreight.1`,
    )
    .action(async () => {
      const program = await buildProgram();
      for (const name of Object.keys(commands)) await setUpCommand(program, name, context);
      const pages = await Promise.all(Object.values(topics).map((load) => load()));
      const text = manual(
        program,
        pages.map(({ topic }) => topic),
      );
      process.stdout.write(text);
    });
};
