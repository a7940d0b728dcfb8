import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, LAUNCHER, type RunOptions, startProgram } from '../e2e/podfreight.ts';

const SOURCE = join(import.meta.dirname, 'trap.c');

/** A call to the system that counted, as trap.c wrote it down. */
export interface Call {
  readonly index: number;
  readonly name: string;
  readonly path: string;
  /** Of a link or a rename. */
  readonly path2: string;
  /** Negative for an error. */
  readonly result: number;
  /** Of an opening. */
  readonly flags: number;
  /** Asked for by an opening or a mkdir. */
  readonly mode: number;
}

export type Errno = keyof typeof constants.errno;

export interface Trap {
  /** Which call to meddle with, from 1; beyond the last one, nothing happens. */
  readonly at: number;
  /** Which calls count: those that change something, as when absent; every opening of a file; or those that look at one. */
  readonly set?: 'change' | 'open' | 'look';
  /** Only calls on paths below it count. */
  readonly below?: string;
  readonly action:
    | 'log'
    | 'kill'
    | { readonly error: Errno; readonly fromThereOn?: boolean }
    | { readonly cut: string };
}

export interface TrappedEnd extends Ended {
  readonly calls: readonly Call[];
}

/** Runs `podfreight <args>` with one file operation at a time, so that calls come in the same order every time. */
export async function trapped(
  args: readonly string[],
  { at, set = 'change', below = '/', action }: Trap,
  options: RunOptions = {},
): Promise<TrappedEnd> {
  const log = join(folder(), `${randomUUID()}.log`);
  const count = typeof action === 'object' && 'error' in action && action.fromThereOn ? `${at}+` : `${at}`;
  const trap = [log, set, below, count, actionWord(action), process.execPath, LAUNCHER];
  const env = { UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0', NODE_DISABLE_COMPILE_CACHE: '1', ...options.env };
  const ended = await startProgram(program(), [...trap, ...args], { ...options, env }).ended;
  const lines = (await readFile(log, 'utf8')).split('\n').slice(0, -1);
  rmSync(log);
  return { ...ended, calls: lines.map(readCall) };
}

/** Cuts the power of the file system at `path`: what is not on disk is lost. Needs root. */
export function cutPower(path: string): void {
  execFileSync(program(), [join(folder(), 'cut.log'), 'change', '/', '0', `cut=${path}`, 'true'], { stdio: 'pipe' });
}

function actionWord(action: Trap['action']): string {
  if (typeof action === 'string') return action;
  return 'cut' in action ? `cut=${action.cut}` : `error=${constants.errno[action.error]}`;
}

function readCall(line: string): Call {
  const [index, name = '', path = '', path2 = '', result, flags, mode] = line.split('\t');
  return { index: Number(index), name, path, path2, result: Number(result), flags: Number(flags), mode: Number(mode) };
}

/** The exit code of a trapped process that was killed. */
export const KILLED = 128 + constants.signals.SIGKILL;

/** Why no process can be trapped here; false when one can: what a test's `skip` takes. */
export function noTrap(): string | false {
  if (process.platform !== 'linux') return 'trap.c is for Linux only';
  try {
    execFileSync(program(), [join(folder(), 'try.log'), 'change', '/', '0', 'log', 'true'], { stdio: 'pipe' });
    return false;
  } catch (error) {
    return `needs a C compiler and the permission to ptrace: ${(error as Error).message.split('\n').join(' ')}`;
  }
}

let made: string | undefined;
let place: string | undefined;

function program(): string {
  if (made === undefined) {
    const path = join(folder(), 'trap');
    execFileSync('cc', ['-O2', '-o', path, SOURCE], { stdio: 'pipe' });
    made = path;
  }
  return made;
}

function folder(): string {
  if (place === undefined) {
    const path = mkdtempSync(join(tmpdir(), 'podfreight-trap-'));
    process.on('exit', () => rmSync(path, { recursive: true, force: true }));
    place = path;
  }
  return place;
}
