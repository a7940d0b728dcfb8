import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { operations } from './operations/index.ts';

export const USAGE = `Usage: npm run bench -- [options]

Measures podfreight beside other programs that do the same. Takes some minutes and some GiB at the default size.
  --size SIZE         of the biggest pod: 1GiB, 64MiB … (default: 1GiB)
  --runs N            of each contestant (default: 5)
  --only NAME         only this operation, or those whose names begin so; may be repeated
  --list              list the operations
  --json FILE         write the result to FILE
  --write-readme      put the result into bench/README.md
  --note TEXT         a word on the circumstances, as "busy machine"
  --latency TIME      let each answer of the endpoint begin so much later: 30ms
  --no-tls            an endpoint on plain HTTP
  --dir DIR           for what is on disk (default: ${tmpdir()})
  --memory-dir DIR    for what is pulled (default: /dev/shm)
  --program FILE      podfreight (default: dist/podfreight.cjs when it is built, else cli/podfreight.js)`;

export interface Arguments {
  readonly sizeBytes: number;
  readonly runs: number;
  readonly only: readonly string[];
  readonly list: boolean;
  readonly help: boolean;
  readonly json?: string;
  readonly writeReadme: boolean;
  readonly note?: string;
  readonly latencyMs: number;
  readonly tls: boolean;
  readonly dir: string;
  readonly memoryDir: string;
  readonly program?: string;
}

/** @throws Error in one sentence */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      size: { type: 'string', default: '1GiB' },
      runs: { type: 'string', default: '5' },
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      json: { type: 'string' },
      'write-readme': { type: 'boolean', default: false },
      note: { type: 'string' },
      latency: { type: 'string', default: '0ms' },
      tls: { type: 'boolean', default: true },
      dir: { type: 'string', default: tmpdir() },
      'memory-dir': { type: 'string', default: '/dev/shm' },
      program: { type: 'string' },
    },
  });
  const { size, runs, only, latency, 'write-readme': writeReadme, 'memory-dir': memoryDir, ...rest } = values;
  const unknown = only.find((name) => !operations.some((operation) => operation.name.startsWith(name)));
  if (unknown !== undefined) throw new Error(`There is no operation ${unknown}; --list shows them.`);
  if (writeReadme && only.length > 0) throw new Error('--write-readme wants all operations; leave --only away.');
  return {
    ...rest,
    sizeBytes: numberWith(size, { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }, '--size'),
    runs: numberWith(runs, { '': 1 }, '--runs'),
    latencyMs: numberWith(latency, { ms: 1, s: 1000 }, '--latency'),
    only,
    writeReadme,
    memoryDir,
  };
}

function numberWith(text: string, units: Readonly<Record<string, number>>, flag: string): number {
  const [, digits = '', unit = ''] = /^(\d+)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = units[unit];
  const value = Number(digits) * (factor ?? Number.NaN);
  if (digits === '' || !Number.isSafeInteger(value) || (value === 0 && flag !== '--latency')) {
    throw new Error(`${flag} must be a whole number${unitsOf(units)}, and not ${JSON.stringify(text)}.`);
  }
  return value;
}

function unitsOf(units: Readonly<Record<string, number>>): string {
  const names = Object.keys(units).filter((name) => name !== '');
  return names.length === 0 ? '' : ` of ${names.join(' or ')}`;
}
