/**
 * `node bench/cold-start.ts [RUNS]`: what the functions take to load, as they are deployed, beside a handler that does
 * nothing. Each run is a process of its own, as a new environment of Lambda is; its disk and processor are not Lambda's.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFunction, FUNCTIONS } from '../infra/bundle-functions.ts';

const RUNS = Number(process.argv[2] ?? 15);

const MEASURE = `
const before = process.cpuUsage();
const started = performance.now();
require(process.argv[1]);
const importMs = performance.now() - started;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ importMs, cpuMs: (user + system) / 1000, rssMiB: process.resourceUsage().maxRSS / 1024 }));
process.exit();`;

interface Load {
  readonly importMs: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
}

/** What Lambda and the stack tell a function. */
const ENVIRONMENT = {
  PATH: process.env.PATH,
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
  POWERTOOLS_METRICS_NAMESPACE: 'podfreight',
  PODFREIGHT_ARCHIVES_BUCKET: 'archives',
  PODFREIGHT_BUNDLES_BUCKET: 'bundles',
  PODFREIGHT_TABLE: 'table',
  PODFREIGHT_RECONCILE_HOURS: '24',
};

function load(path: string): Load {
  return JSON.parse(execFileSync(process.execPath, ['-e', MEASURE, path], { env: ENVIRONMENT, encoding: 'utf8' }));
}

function median(values: readonly number[]): string {
  return (values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN).toFixed(1);
}

function describe(name: string, path: string, loads: readonly Load[]): string {
  const [ms, cpuMs, rssMiB] = (['importMs', 'cpuMs', 'rssMiB'] as const).map((what) => loads.map((load) => load[what]));
  const size = (statSync(path).size / 1024).toFixed(1);
  return `${name}: ${size} KiB, loaded in ${median(ms!)} ms (${median(cpuMs!)} ms of CPU), ${median(rssMiB!)} MiB of memory.`;
}

const folder = mkdtempSync(join(tmpdir(), 'podfreight-bench-'));
try {
  const empty = join(folder, 'empty.cjs');
  writeFileSync(empty, 'exports.handler = async () => {};\n');
  const functions = FUNCTIONS.map((name) => ({ name, path: join(bundleFunction(name), 'index.cjs') }));
  const handlers = [{ name: 'an empty handler', path: empty }, ...functions].map((one) => ({
    ...one,
    loads: [] as Load[],
  }));
  for (let run = 0; run < RUNS; run += 1) {
    for (const { path, loads } of handlers) loads.push(load(path));
  }
  for (const { name, path, loads } of handlers) console.log(describe(name, path, loads));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
