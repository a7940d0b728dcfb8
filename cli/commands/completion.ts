import { Argument } from 'commander';
import type { SetUpCommand } from '../command.ts';
import { SCRIPTS, type Shell } from '../completion/scripts.ts';

export const setUp: SetUpCommand = (command) => {
  command
    .description(
      'Prints what a shell needs to complete commands, flags, files, and the pods, nodes and bundles in the catalogue.',
    )
    .addArgument(new Argument('<shell>', 'which').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      `
Examples:
  $ eval "$(podfreight completion bash)"           now; to keep it, in ~/.bashrc
  $ podfreight completion zsh > ~/.zfunc/_podfreight
  $ podfreight completion fish > ~/.config/fish/completions/podfreight.fish`,
    )
    .action((shell: Shell) => {
      process.stdout.write(SCRIPTS[shell]);
    });
};
