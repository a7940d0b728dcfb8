import { judge, type Verdict, wordsOf } from './goals.ts';
import type { MakeUp } from './inputs/make-up.ts';
import type { Machine } from './machine.ts';
import type { Outcome } from './operation.ts';
import type { Measure, Result, Spread } from './sample.ts';
import { UNITS } from './units.ts';

export interface OperationReport extends Outcome {
  readonly name: string;
  readonly what: string;
  /** Why it did not run to its end. */
  readonly failed?: string;
}

/** What a result file holds. */
export interface Report {
  /** When it was done: RFC 3339. */
  readonly at: string;
  /** The user's own words on the circumstances. */
  readonly note?: string;
  readonly machine: Machine;
  /** Which podfreight, and when it was last changed. */
  readonly program: string;
  /** Name → version; null: not here. */
  readonly peers: Readonly<Record<string, string | null>>;
  readonly sizeBytes: number;
  readonly runs: number;
  readonly latencyMs: number;
  readonly tls: boolean;
  readonly makeUp: MakeUp;
  readonly operations: readonly OperationReport[];
  readonly verdicts: readonly Verdict[];
}

/** Adds the verdicts to what was measured. */
export function withVerdicts(report: Omit<Report, 'verdicts'>): Report {
  return { ...report, verdicts: judge(report.operations, report.sizeBytes) };
}

/** The whole report, in Markdown that can be read on a terminal. */
export function renderReport(report: Report): string {
  return [renderCircumstances(report), renderVerdicts(report.verdicts), ...report.operations.map(renderOperation)].join(
    '\n\n',
  );
}

function renderCircumstances(report: Report): string {
  const { machine, makeUp, sizeBytes, runs, latencyMs, tls } = report;
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  const peers = Object.entries(report.peers).map(([name, version]) =>
    version === null ? `no ${name}` : `${name} ${version}`,
  );
  return [
    `- ${report.at}${report.note === undefined ? '' : `; ${report.note}`}`,
    `- ${machine.cores} cores of ${machine.processor}, ${UNITS.rssBytes.show(machine.memoryBytes)} of memory, Linux ${machine.kernel}, Node.js ${machine.node}; disk: ${machine.diskFileSystem}, memory: ${machine.memoryFileSystem}; load before: ${machine.load.toFixed(1)}`,
    `- ${report.program}; peers: ${peers.join(', ')}`,
    `- size ${UNITS.rssBytes.show(sizeBytes)}, ${runs} runs, endpoint with ${tls ? 'TLS' : 'plain HTTP'} and ${latencyMs} ms latency`,
    `- pages: ${share(makeUp.inFrames)} by zstd -3 in frames of 4 MiB, ${share(makeUp.inOneStream)} in one stream; ${share(makeUp.zeroPages)} zero, ${share(makeUp.repeatedPages)} repeated in ${UNITS.rssBytes.show(makeUp.sampleBytes)}`,
  ].join('\n');
}

function renderVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ goal, measured, limit, factor }) => {
    const { show } = UNITS[goal.measure];
    if (measured === undefined || limit === undefined || factor === undefined) {
      return [goal.operation, wordsOf(goal), '', '', 'not measured'];
    }
    const verdict = `${factor >= 1 ? 'met' : 'missed'} ${factor.toFixed(factor < 10 ? 2 : 0)}×`;
    return [goal.operation, wordsOf(goal), show(measured), show(limit), verdict];
  });
  return renderTable(['operation', 'goal', 'measured', 'limit', 'verdict'], rows);
}

/** One operation: a title, a table, its notes. */
export function renderOperation({ name, what, failed, results, notes = [] }: OperationReport): string {
  const pieces = [`**${name}**: ${what}`];
  if (failed !== undefined) pieces.push(`Failed: ${failed}`);
  if (results.length > 0) pieces.push(renderResults(results));
  if (notes.length > 0) pieces.push(notes.map((note) => `- ${note}`).join('\n'));
  return pieces.join('\n\n');
}

function renderResults(results: readonly Result[]): string {
  const measures = (Object.keys(UNITS) as Measure[]).filter((measure) =>
    results.some(({ spreads }) => spreads[measure] !== undefined),
  );
  const ours = results[0]?.spreads.seconds?.median;
  const rows = results.map(({ name, absent, spreads }) => {
    if (absent !== undefined) return [name, absent];
    const seconds = spreads.seconds?.median;
    const proportion = seconds === undefined || ours === undefined ? '' : `${(seconds / ours).toFixed(2)}×`;
    return [name, proportion, ...measures.map((measure) => cell(measure, spreads[measure]))];
  });
  return renderTable(['', '×', ...measures.map((measure) => UNITS[measure].title)], rows);
}

/** The median; of times also the least and the greatest. */
function cell(measure: Measure, spread: Spread | undefined): string {
  if (spread === undefined) return '';
  const { show } = UNITS[measure];
  const { median, min, max } = spread;
  if (measure !== 'seconds' || min === max) return show(median);
  return `${show(median)} (${show(min).replace(' s', '')}–${show(max).replace(' s', '')})`;
}

function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(3, ...lines.map((line) => cellText(line[column]).length)));
  const render = (line: readonly string[]) =>
    `| ${widths.map((width, i) => cellText(line[i]).padEnd(width)).join(' | ')} |`;
  return [render(header), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(render)].join(
    '\n',
  );
}

/** A bar would end the cell. */
function cellText(text = ''): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
