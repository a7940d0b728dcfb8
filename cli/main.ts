import './thread-pool.ts'; // first
import type { Command, CommanderError } from 'commander';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import type { CommandContext } from './command.ts';
import { commands } from './commands/index.ts';
import { EXIT_CODES, exitCodeOf } from './exit-codes.ts';
import { fileError, isErrno } from './file-error.ts';
import { readOldFlags } from './old-flags.ts';
import { Output } from './output.ts';
import { version } from './version.ts';

const DESCRIPTION = 'Moves Kubernetes pod checkpoints between nodes through S3.';

const AFTER_HELP = `
Examples:
  $ podfreight show                                  what this node has in /var/lib/kubelet/checkpoints
  $ podfreight extract -o node-a.tar.zst             one archive of all of it
  $ podfreight insert -i node-a.tar.zst              on another node: put it into the kubelet directory
  $ podfreight push                                  this node's pods to S3
  $ podfreight pull --pod default/my-redis           on another node: its newest checkpoint into the kubelet directory
  $ podfreight bundle --node node-a                  one archive of all pods of a node; prints the bundle's id
  $ podfreight pull BUNDLE                           the bundle into the kubelet directory

Results go to stdout; messages and progress go to stderr. With --json both results and errors are JSON.
Exit codes: 0 done, ${Object.entries(EXIT_CODES)
  .map(([code, number]) => `${number} ${code}`)
  .join(', ')} (SIGTERM: 143).
"podfreight help <command>" explains a command.`;

/**
 * Runs the command line. The only place that turns an error into a message and an exit code.
 * @param argv the arguments after the program's name
 */
export async function main(argv: readonly string[]): Promise<void> {
  const output = new Output({ json: argv.includes('--json') });
  const grace = { ms: GRACE_MS };
  const signal = abortOnSignals(grace, (reason) => {
    output.failure(reason);
    process.exit(exitCodeOf(reason));
  });
  const mayTakeToStop = (ms: number) => {
    grace.ms = ms;
  };
  const fail = (error: unknown) => {
    const failure = asFailure(error, signal);
    output.failure(failure);
    if (process.env.PODFREIGHT_DEBUG) console.error(error);
    process.exitCode = exitCodeOf(failure);
  };
  // `podfreight show | head -1` is no failure; a full disk behind `> file` is one.
  process.stdout.on('error', (error) => isErrno(error, 'EPIPE') || fail(fileError(error, 'Cannot write to stdout')));
  process.stderr.on('error', () => {});
  try {
    await run(readOldFlags(argv), { output, signal, mayTakeToStop });
  } catch (error) {
    fail(error);
  }
}

async function run(argv: readonly string[], context: CommandContext): Promise<void> {
  const { Command, CommanderError } = await import('commander');
  const program = new Command('podfreight')
    .description(DESCRIPTION)
    .version(version)
    .addHelpText('after', AFTER_HELP)
    .configureOutput({ writeErr() {} })
    .exitOverride();
  for (const [name, { summary }] of Object.entries(commands)) program.command(name).summary(summary);

  const command = await setUpNamed(program, argv, context);
  if (argv.length === 0) return program.outputHelp();
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, command ?? program);
  }
}

/** Loads the one command that is named, also as `help <command>`, and lets it describe itself. */
async function setUpNamed(program: Command, argv: readonly string[], context: CommandContext) {
  const [first, second] = argv.filter((argument) => !argument.startsWith('-'));
  const name = (first === 'help' ? second : first) ?? '';
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (entry === undefined || command === undefined) return undefined;
  const { setUp } = await entry.load();
  setUp(command, context);
  return command;
}

/** The parser's complaint as one sentence, in the words of the first checkpointctl where it had them. */
function usageError({ code, message }: CommanderError, command: Command): PodfreightError {
  const complaint = message
    .replace(/^error: /, '')
    .replace(/^unknown option '(.*?)'/, 'unknown flag: $1')
    .replace(/^unknown command '(.*?)'/, 'unknown command: $1')
    .replace(/\n\((Did you mean .*\?)\)$/s, (_, question) => ` (${question.replace('Did', 'did')})`)
    .replace(/\.$/, '');
  const said = code === 'commander.help' ? 'no such command' : complaint;
  const path = command.parent ? `${command.parent.name()} ${command.name()}` : command.name();
  return new PodfreightError('usage', `${said}; see "${path} --help".`);
}

function asFailure(error: unknown, signal: AbortSignal): PodfreightError {
  if (error instanceof SuppressedError) return asFailure(error.suppressed, signal); // the first one; clearing up failed then
  if (signal.aborted && error instanceof Error && error.name === 'AbortError') return signal.reason;
  if (signal.aborted && isPodfreightError(error, 'interrupted')) return signal.reason;
  if (isPodfreightError(error)) return error;
  if (error instanceof Error && 'syscall' in error) return fileError(error, 'A file operation failed');
  const what = error instanceof Error ? error.message : String(error);
  return new PodfreightError(
    'internal',
    `Internal error, please report it: ${what} (PODFREIGHT_DEBUG=1 shows where).`,
    {
      cause: error,
    },
  );
}

/** As long a command may take to stop and clean up, unless it asks for more; whatever it does can also be killed at any point. */
const GRACE_MS = 3000;

/**
 * The first signal asks the command to stop and clean up; the second ends the process as the system does.
 * @param giveUp called when the command has not ended in time, as while a server does not answer
 */
function abortOnSignals(grace: { readonly ms: number }, giveUp: (reason: PodfreightError) => void): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      const reason = new PodfreightError('interrupted', `Stopped by ${signal}.`, { subject: { signal } });
      controller.abort(reason);
      setTimeout(() => giveUp(reason), grace.ms).unref();
    });
  }
  return controller.signal;
}
