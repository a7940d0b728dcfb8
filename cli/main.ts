import './thread-pool.ts'; // first
import type { Command, CommanderError } from 'commander';
import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import type { CommandContext } from './command.ts';
import { exitCodeOf } from './exit-codes.ts';
import { fileError, isErrno } from './file-error.ts';
import { ensureHome } from './home.ts';
import { readOldFlags } from './old-flags.ts';
import { Output } from './output.ts';
import { topics } from './topics/index.ts';

/**
 * Runs the command line. The only place that turns an error into a message and an exit code.
 * @param argv the arguments after the program's name
 */
export async function main(argv: readonly string[]): Promise<void> {
  ensureHome();
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
  const [{ buildProgram, setUpCommand }, { CommanderError }] = await Promise.all([
    import('./program.ts'),
    import('commander'),
  ]);
  const program = await buildProgram();
  const [first = '', second = ''] = argv.filter((argument) => !argument.startsWith('-'));
  const topic = first === 'help' && Object.hasOwn(topics, second) ? topics[second] : undefined;
  if (topic !== undefined) return showTopic(topic, program);
  const command = await setUpCommand(program, first === 'help' ? second : first, context);
  if (argv.length === 0) return program.outputHelp();
  try {
    await program.parseAsync(argv, { from: 'user' });
    if (first === 'complete') process.exit(); // a shell waits, and some request may still be under way
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, command ?? program);
  }
}

async function showTopic(load: (typeof topics)[string], program: Command): Promise<void> {
  const [{ topic }, { topicText }] = await Promise.all([load(), import('./topics/text.ts')]);
  const help = program.createHelp();
  help.prepareContext({ helpWidth: process.stdout.columns ?? 80 });
  process.stdout.write(topicText(topic, help));
}

/** The parser's complaint as one sentence, in the words of the first checkpointctl where it had them. */
function usageError({ code, message }: CommanderError, command: Command): PodfreightError {
  const complaint = message
    .replace(/^error: /, '')
    .replace(/^unknown option '(.*?)'/, 'unknown flag: $1')
    .replace(/^unknown command '(.*?)'/, 'unknown command: $1')
    .replace(/\n\((Did you mean .*\?)\)$/s, (_, question) => ` (${question.replace('Did', 'did')})`)
    .replace(/\.$/, '');
  const said = code === 'commander.help' ? 'there is no such command or topic' : complaint;
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
