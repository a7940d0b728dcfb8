import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';

/** The sources, unless `PODFREIGHT_PROGRAM` names the program to test, as `dist/podfreight.cjs`. */
export const LAUNCHER = resolve(process.env.PODFREIGHT_PROGRAM ?? join(import.meta.dirname, '../../cli/podfreight.js'));
/** Where the tests' processes keep what they compiled: half of what most of them do is compiling the same sources. */
const { NODE_COMPILE_CACHE } = process.env;
const COMPILED = NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE: resolve(NODE_COMPILE_CACHE) } : {};

export const FIXTURES = join(import.meta.dirname, '../fixtures');

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** Starts `podfreight <args>` as a process of its own, without anything of this one's settings. */
export function start(args: readonly string[], options?: RunOptions) {
  return startProgram(process.execPath, [LAUNCHER, ...args], options);
}

export function startProgram(program: string, args: readonly string[], { cwd, env = {}, uid }: RunOptions = {}) {
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, TMPDIR: tmpdir(), ...COMPILED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid, gid: uid }),
  });
  return { child, ended: collect(child) };
}

async function collect(child: ChildProcess): Promise<Ended> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk) => out.push(chunk));
  child.stderr?.on('data', (chunk) => err.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  child.on('error', reject);
  child.on('close', (code, signal) =>
    resolve({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), code, signal }),
  );
  return promise;
}

/** Runs `podfreight <args>` to its end. */
export function podfreight(args: readonly string[], options?: RunOptions): Promise<Ended> {
  return start(args, options).ended;
}

/** A folder for one test, removed after it. */
export async function temporaryFolder(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'podfreight-test-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** For what a mode forbids: root would be allowed everything, so that `nobody` takes its place. */
export function notRoot(): Pick<RunOptions, 'uid'> {
  return process.getuid?.() === 0 ? { uid: 65_534 } : {};
}
