import { existsSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { contest } from '../contest.ts';
import type { Operation } from '../operation.ts';
import { UNITS } from '../units.ts';

/** Over in no time, so run more often. */
const TIMES = 4;

const ROOT = join(import.meta.dirname, '../..');
const FILE = join(ROOT, 'dist/podfreight.cjs');
const EXECUTABLE = join(ROOT, `dist/podfreight-linux-${process.arch}`);

export const start: Operation = {
  name: 'start',
  what: 'what the program takes before it does anything: its version, and `show` of a tar of 17 KiB, 10 pods',
  async run(bench) {
    const path = await bench.inputs.sparseTar(512);
    const alone = [
      { name: 'executable --version', command: () => [EXECUTABLE, '--version'] as const },
      { name: 'executable show', reads: [path], command: () => [EXECUTABLE, 'show', path] as const },
    ];
    const contestants = [
      { name: 'podfreight --version', command: () => bench.podfreight('--version') },
      { name: 'podfreight show', reads: [path], command: () => bench.podfreight('show', path) },
      ...(existsSync(EXECUTABLE) ? alone : []),
      { name: 'node -e 0', command: () => [process.execPath, '-e', '0'] as const },
    ];
    return {
      results: await contest(bench, contestants, bench.runs === 1 ? 1 : bench.runs * TIMES),
      notes: [FILE, EXECUTABLE].map(sizeOf),
    };
  },
};

function sizeOf(path: string): string {
  const size = existsSync(path) ? UNITS.writtenBytes.show(statSync(path).size) : 'not built';
  return `${relative(ROOT, path)}: ${size}`;
}
