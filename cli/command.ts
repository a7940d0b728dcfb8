import type { Command } from 'commander';
import type { Output } from './output.ts';

/** What a command gets from the frame. */
export interface CommandContext {
  readonly output: Output;
  /** Aborted by SIGINT and SIGTERM with the error to throw: pass it on, or call `throwIfAborted` between steps. */
  readonly signal: AbortSignal;
  /** Gives the command longer than usual to end after a signal, before the process ends all the same. */
  readonly mayTakeToStop?: (ms: number) => void;
}

/** What each file in `commands/` exports: it puts flags, help and action on `command`. Errors are thrown, not printed. */
export type SetUpCommand = (command: Command, context: CommandContext) => void;

export interface CommandEntry {
  /** One line for `podfreight --help`. */
  readonly summary: string;
  /** For programs: not in the help. */
  readonly hidden?: boolean;
  load(): Promise<{ readonly setUp: SetUpCommand }>;
}
