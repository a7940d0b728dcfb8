/** `npm run bench`: measures podfreight beside other programs. */
import { existsSync, globSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Arguments, readArguments, USAGE } from './arguments.ts';
import { Bench } from './bench.ts';
import { freeBytes } from './disk.ts';
import { describeMachine } from './machine.ts';
import type { Operation } from './operation.ts';
import { operations } from './operations/index.ts';
import { findPeers, inPath } from './peers.ts';
import { writeReadme } from './readme.ts';
import { type OperationReport, renderOperation, renderReport, withVerdicts } from './report.ts';

const ROOT = join(import.meta.dirname, '..');
const BUNDLED = join(ROOT, 'dist/podfreight.cjs');
const IN_SOURCE = join(ROOT, 'cli/podfreight.js');

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const args = readArguments(process.argv.slice(2));
  if (args.help) console.log(USAGE);
  else if (args.list) for (const { name, what } of operations) console.log(`${name.padEnd(16)}${what}`);
  else await run(args);
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function run(args: Arguments): Promise<void> {
  const say = (line: string) => console.error(line);
  const program = args.program ?? (existsSync(BUNDLED) ? BUNDLED : IN_SOURCE);
  if (program === BUNDLED && isStale(BUNDLED)) say(`${relative(ROOT, BUNDLED)} is older than the sources.`);
  const hasMemory = existsSync(args.memoryDir) && freeBytes(args.memoryDir) > 2 * args.sizeBytes;
  if (!hasMemory)
    say(`${args.memoryDir} has no room for what is pulled; it goes to ${args.dir}, where a disk may be the limit.`);
  const memoryFolder = hasMemory ? args.memoryDir : args.dir;
  const tls = args.tls && inPath('openssl') !== undefined;
  if (args.tls && !tls) say('Without openssl the endpoint has no TLS.');
  const peers = findPeers(say);
  const machine = describeMachine(args.dir, memoryFolder);
  await using bench = await Bench.open({ ...args, tls, diskFolder: args.dir, memoryFolder, program, peers, say });

  const chosen = operations.filter(
    ({ name }) => args.only.length === 0 || args.only.some((one) => name.startsWith(one)),
  );
  const reports: OperationReport[] = [];
  for (const operation of chosen) {
    say(`${operation.name} …`);
    const report = await runOperation(operation, bench);
    console.log(`\n${renderOperation(report)}\n`);
    reports.push(report);
  }
  const report = withVerdicts({
    at: minute(new Date()),
    ...(args.note !== undefined && { note: args.note }),
    machine,
    program: `${relative(ROOT, program)} of ${minute(statSync(program).mtime)}`,
    peers: Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, peer?.version ?? null])),
    sizeBytes: args.sizeBytes,
    runs: args.runs,
    latencyMs: args.latencyMs,
    tls,
    makeUp: await bench.inputs.makeUp(),
    operations: reports,
  });
  const { operations: _, ...summary } = report;
  console.log(renderReport({ ...summary, operations: [] }));
  if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(report, null, 2)}\n`);
  if (args.writeReadme) writeReadme(renderReport(report));
}

/** What fails is reported, and the others go on. */
async function runOperation({ name, what, run }: Operation, bench: Bench): Promise<OperationReport> {
  try {
    return { name, what, ...(await run(bench)) };
  } catch (error) {
    return { name, what, results: [], failed: (error as Error).message };
  }
}

/** RFC 3339, as short as may be. */
function minute(date: Date): string {
  return `${date.toISOString().slice(0, 16)}Z`;
}

function isStale(program: string): boolean {
  const built = statSync(program).mtimeMs;
  return globSync('{cli,core,aws}/**/*.{ts,js}', { cwd: ROOT }).some(
    (file) => statSync(join(ROOT, file)).mtimeMs > built,
  );
}
