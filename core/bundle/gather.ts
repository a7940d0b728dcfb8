import { crc32Combine } from '../archive/crc32.ts';
import { relocate } from '../archive/index.ts';
import { rangeLength } from '../range.ts';
import type { PartLimits } from './part-limits.ts';
import type { PartPlan } from './plan.ts';
import { planParts } from './plan-parts.ts';
import { isCopied, lengthOf, type Run, runsOf, type SourceMember } from './runs.ts';

/** For manifest, index and rounding; the rest of S3's 10,000 is for runs. */
const RESERVED_PARTS = 16;

/** Runs of several sources to be laid side by side in one object first, from which they are copied as one. */
export interface Gathering {
  readonly parts: PartPlan;
  /** Each as it lies in its source, and in the new object. */
  readonly members: readonly { readonly from: SourceMember; readonly wire: SourceMember['member'] }[];
}

/**
 * A part holds bytes of one source only, so that a bundle of more sources than S3 allows parts cannot be copied at once.
 * The shortest runs are gathered then, as few as will do; S3 copies them twice, and nothing else. Empty as a rule.
 * @throws PodfreightError as {@link planParts}
 */
export function planGatherings(members: readonly SourceMember[], limits: PartLimits): Gathering[] {
  return chooseRuns(runsOf(members), limits).map((runs) => gatheringOf(runs, limits));
}

function chooseRuns(runs: readonly Run[], limits: PartLimits): Run[][] {
  const smallBytes = runs.reduce((sum, run) => sum + (isCopied(run, limits) ? 0 : lengthOf(run)), 0);
  const free = limits.maxParts - RESERVED_PARTS - Math.ceil(smallBytes / limits.uploadPartBytes);
  const partsOf = (lengthBytes: number) => Math.ceil(lengthBytes / limits.maxPartBytes);
  const shortestFirst = runs
    .filter((run) => isCopied(run, limits))
    .sort((a, b) => lengthOf(a) - lengthOf(b) || (nameOf(a) < nameOf(b) ? -1 : 1));

  const groups: Run[][] = [];
  let group: Run[] = [];
  let [groupBytes, groupParts] = [0, 0];
  let parts = shortestFirst.reduce((sum, run) => sum + partsOf(lengthOf(run)), 0);
  for (const run of shortestFirst) {
    if (parts <= free) break;
    const [length, own] = [lengthOf(run), partsOf(lengthOf(run))];
    if (group.length === 0 || groupParts + own > limits.maxParts || groupBytes + length > limits.maxObjectBytes) {
      group = [];
      groups.push(group);
      [groupBytes, groupParts] = [0, 0];
    }
    parts += partsOf(groupBytes + length) - partsOf(groupBytes) - own;
    group.push(run);
    groupBytes += length;
    groupParts += own;
  }
  return groups;
}

function gatheringOf(runs: readonly Run[], limits: PartLimits): Gathering {
  let [position, crc32] = [0, 0];
  const members = runs.flatMap(({ source, members }) =>
    members.map((member) => {
      const start = position;
      position += rangeLength(member.wire);
      crc32 = crc32Combine(crc32, member.wireCrc32, rangeLength(member.wire));
      return { from: { source, member }, wire: relocate(member, start) };
    }),
  );
  const segments = runs.map(({ source, range }) => ({ kind: 'range', source, range }) as const);
  return { parts: planParts(segments, { crc32, limits }), members };
}

function nameOf({ members: [first] }: Run): string {
  return first!.name;
}
