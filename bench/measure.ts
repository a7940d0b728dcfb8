import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

export type Command = readonly [program: string, ...args: string[]];

/** A shell text, in which "$1" and so on are the arguments; any program of a pipeline may fail it. */
export function shell(text: string, ...args: string[]): Command {
  return ['bash', '-o', 'pipefail', '-c', text, 'bash', ...args];
}

/** What one run took, of all its processes together. */
export interface Run {
  readonly seconds: number;
  /** User and system; the kernel counts in hundredths. */
  readonly cpuSeconds: number;
  /** Greatest sum of what the processes that lived at one moment had needed until then. */
  readonly rssBytes: number;
  readonly stdout: string;
}

/** Sizes are read this often: what grows in a process's last moments is missed. */
const POLL_MS = 20;
/** USER_HZ, 100 on Linux whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100;
const STDERR_SHOWN = 500;

/**
 * Runs a command to its end and measures it.
 * @throws Error with the end of stderr when it fails
 */
export async function measure(command: Command, environment: NodeJS.ProcessEnv): Promise<Run> {
  const [program, ...args] = command;
  const ticksBefore = childTicks();
  const start = performance.now();
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => void child.kill();
  process.once('exit', kill); // as after Ctrl-C
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let rssBytes = 0;
  const note = () => {
    if (child.pid !== undefined) rssBytes = Math.max(rssBytes, peakOf(child.pid));
  };
  const poll = setInterval(note, POLL_MS);
  note();
  let seconds = 0;
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
    child.on('exit', () => {
      seconds = (performance.now() - start) / 1000;
    });
  }).finally(() => {
    clearInterval(poll);
    process.off('exit', kill);
  });
  if (code !== 0)
    throw new Error(`${basename(program)} ended with ${code}: ${(stderr || stdout).slice(-STDERR_SHOWN).trim()}`);
  return {
    seconds,
    cpuSeconds: (childTicks() - ticksBefore) / TICKS_PER_SECOND,
    rssBytes,
    stdout,
  };
}

/** Processor time of all children that have ended, and of theirs. @see proc(5), /proc/pid/stat, cutime and cstime */
function childTicks(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[13]) + Number(fields[14]);
}

/** VmHWM of a process and its descendants, added up. @see proc(5) */
function peakOf(pid: number): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0;
    const program = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
    const peaks = children.map((child) => {
      // Forked and not yet another program, it only shares its parent's memory.
      return readFileSync(`/proc/${child}/cmdline`, 'latin1') === program ? 0 : peakOf(Number(child));
    });
    return peaks.reduce((sum, bytes) => sum + bytes, Number(kibibytes) * 1024);
  } catch {
    return 0; // It has ended in between.
  }
}
