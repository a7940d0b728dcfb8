import type { OperationReport } from './report.ts';
import type { Measure } from './sample.ts';
import { UNITS } from './units.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Ours may be at most `times` what `against` takes, plus the rest, in the median; without `against` at most the rest. */
export interface Goal {
  readonly operation: string;
  readonly measure: Measure;
  readonly contestant?: string;
  readonly against?: string;
  readonly times?: number;
  readonly plus?: number;
  /** For each GiB of `--size`. */
  readonly plusPerGiB?: number;
  /** Judged only at this `--size`. */
  readonly atBytes?: number;
}

const OURS = 'podfreight';

export const goals: readonly Goal[] = [
  { operation: 'start', contestant: 'podfreight --version', measure: 'seconds', against: 'node -e 0', plus: 0.06 },
  { operation: 'start', contestant: 'podfreight show', measure: 'seconds', against: 'node -e 0', plus: 0.06 },
  { operation: 'show-plain', measure: 'readBytes', against: 'podfreight, tar of 17 KiB', plus: MIB },
  { operation: 'extract-zstd', measure: 'seconds', against: 'tar c | zstd -3 -T2' },
  { operation: 'insert-none', measure: 'seconds', against: 'tar x, sync' },
  { operation: 'insert-zstd', measure: 'seconds', against: 'zstd -dc | tar x, sync' },
  { operation: 'push-none', measure: 'seconds', against: 'lib-storage', times: 1 / 3.3 },
  { operation: 'push-none', measure: 'seconds', against: 'aws s3 cp', times: 1 / 2 },
  { operation: 'push-none', measure: 'rssBytes', plus: 256 * MIB },
  { operation: 'push-zstd', measure: 'seconds', plusPerGiB: 3.5 },
  { operation: 'push-zstd', measure: 'seconds', against: 'zstd -1 -T2', times: 1.15 },
  { operation: 'push-zstd', measure: 'cpuSeconds', against: 'zstd -1 -T2', times: 1.15 },
  { operation: 'push-zstd', measure: 'rssBytes', plus: 256 * MIB },
  { operation: 'pull-none', measure: 'seconds', against: 'aws s3 cp', times: 1 / 3.5 },
  { operation: 'pull-none', measure: 'seconds', against: 'SDK, ranged GETs', times: 1 / 2.4 },
  { operation: 'pull-none', measure: 'seconds', against: 'rclone', times: 1.1 },
  { operation: 'pull-none', measure: 'seconds', against: 'curl', times: 1.1 },
  { operation: 'pull-none', measure: 'seconds', against: 'podfreight pull -o', plus: 0.05 },
  { operation: 'pull-none', measure: 'rssBytes', plus: 130 * MIB },
  { operation: 'pull-zstd', measure: 'rssBytes', plus: 256 * MIB },
  { operation: 'bundle-none', measure: 'requests', plus: 70, atBytes: GIB },
  { operation: 'bundle-zstd', measure: 'requests', plus: 70, atBytes: GIB },
];

export interface Verdict {
  readonly goal: Goal;
  /** Absent, like `limit`: was not measured. */
  readonly measured?: number;
  readonly limit?: number;
  /** `limit / measured`: from 1 on the goal is met. */
  readonly factor?: number;
}

export function judge(reports: readonly OperationReport[], sizeBytes: number): Verdict[] {
  const named = new Map(reports.map((report) => [report.name, report.results]));
  return goals.map((goal) => {
    const { operation, contestant = OURS, measure, against, times = 1, plus = 0, plusPerGiB = 0 } = goal;
    const medianOf = (name: string) =>
      named.get(operation)?.find((result) => result.name === name)?.spreads[measure]?.median;
    const measured = medianOf(contestant);
    const base = against === undefined ? 0 : medianOf(against);
    if (measured === undefined || base === undefined || (goal.atBytes ?? sizeBytes) !== sizeBytes) return { goal };
    const limit = base * times + plus + (plusPerGiB * sizeBytes) / GIB;
    return { goal, measured, limit, factor: limit / measured };
  });
}

/** The goal in words. */
export function wordsOf({ contestant = OURS, measure, against, times = 1, plus = 0, plusPerGiB = 0 }: Goal): string {
  const { title, show } = UNITS[measure];
  const proportion = times < 1 ? `1/${Number((1 / times).toFixed(2))} of ` : times > 1 ? `${times} × ` : '';
  const base = against === undefined ? [] : [`${proportion}\`${against}\``];
  const rest = [...(plus > 0 ? [show(plus)] : []), ...(plusPerGiB > 0 ? [`${show(plusPerGiB)} per GiB`] : [])];
  const limit = [...base, ...rest].join(' + ');
  return `${contestant === OURS ? '' : `\`${contestant}\` `}${title} ≤ ${limit}`;
}
