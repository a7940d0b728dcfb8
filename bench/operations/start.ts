import { contest } from '../contest.ts';
import type { Operation } from '../operation.ts';

/** Over in no time, so run more often. */
const TIMES = 4;

export const start: Operation = {
  name: 'start',
  what: 'what the program takes before it does anything: its version, and `show` of a tar of 17 KiB, 10 pods',
  async run(bench) {
    const path = await bench.inputs.sparseTar(512);
    const contestants = [
      { name: 'podfreight --version', command: () => bench.podfreight('--version') },
      { name: 'podfreight show', reads: [path], command: () => bench.podfreight('show', path) },
      { name: 'node -e 0', command: () => [process.execPath, '-e', '0'] as const },
    ];
    return { results: await contest(bench, contestants, bench.runs === 1 ? 1 : bench.runs * TIMES) };
  },
};
