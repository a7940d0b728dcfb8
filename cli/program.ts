import type { Command } from 'commander';
import type { CommandContext } from './command.ts';
import { commands } from './commands/index.ts';
import { topics } from './topics/index.ts';
import { version } from './version.ts';

const DESCRIPTION = 'Moves Kubernetes pod checkpoints between nodes through S3.';

const AFTER_HELP = `
Examples:
  $ podfreight show                        what this node has
  $ podfreight extract -o node-a.tar.zst   one archive of all of it
  $ podfreight insert -i node-a.tar.zst    on another node: put it there
  $ podfreight push                        this node's pods to S3
  $ podfreight pull --pod default/redis    on another node: its newest one
  $ podfreight bundle --node node-a        one archive of all pods of a node
  $ podfreight pull BUNDLE                 the bundle into the kubelet directory

Results go to stdout, messages and progress to stderr; --json makes both JSON.
"podfreight help COMMAND" explains a command, and "podfreight help TOPIC" one of
${Object.keys(topics).join(', ')}.`;

/** The parser with all commands, which know only their names yet: {@link setUpCommand} loads one. */
export async function buildProgram(): Promise<Command> {
  const { Command } = await import('commander');
  const program = new Command('podfreight')
    .description(DESCRIPTION)
    .version(version)
    .addHelpText('after', AFTER_HELP)
    .helpCommand('help [topic]', 'explain a command, or a topic (see below)')
    .configureOutput({ writeErr() {} })
    .exitOverride();
  for (const [name, { summary, hidden = false }] of Object.entries(commands)) {
    program.command(name, { hidden }).summary(summary);
  }
  return program;
}

/** Loads a command and lets it describe itself; undefined when there is none of that name. */
export async function setUpCommand(
  program: Command,
  name: string,
  context: CommandContext,
): Promise<Command | undefined> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (entry === undefined || command === undefined) return undefined;
  const { setUp } = await entry.load();
  setUp(command, context);
  return command;
}
