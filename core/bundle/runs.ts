import type { IndexedMember } from '../archive/member.ts';
import { type ByteRange, rangeLength } from '../range.ts';
import { minCopyBytes, type PartLimits } from './part-limits.ts';

/** A pod's member as it lies in `sources[source]`. */
export interface SourceMember {
  readonly source: number;
  readonly member: IndexedMember;
}

/** Members that lie side by side in one source, and so are one range of it. */
export interface Run {
  readonly source: number;
  readonly range: ByteRange;
  readonly members: readonly IndexedMember[];
}

/** The members as the fewest runs, by source and place. */
export function runsOf(members: readonly SourceMember[]): Run[] {
  const runs: { source: number; range: ByteRange; members: IndexedMember[] }[] = [];
  const asTheyLie = [...members].sort((a, b) => a.source - b.source || a.member.wire.start - b.member.wire.start);
  for (const { source, member } of asTheyLie) {
    const last = runs.at(-1);
    if (last?.source === source && last.range.end === member.wire.start) {
      last.members.push(member);
      last.range = { start: last.range.start, end: member.wire.end };
    } else {
      runs.push({ source, range: member.wire, members: [member] });
    }
  }
  return runs;
}

/**
 * Runs in the order in which they lie in a bundle. Behind the head those too small to copy, which go up with it. When that
 * makes no part of 5 MiB, the run that follows lends what is missing: the longest, or where even that one has too little
 * to be copied without it, the shortest, which then goes up whole. The others by length; equals by their first name.
 * @param headBytes what lies before all of them
 */
export function orderRuns(runs: readonly Run[], headBytes: number, limits: PartLimits): Run[] {
  const byName = (a: Run, b: Run) => (nameOf(a) < nameOf(b) ? -1 : 1);
  const small = runs.filter((run) => !isCopied(run, limits)).sort(byName);
  const copied = runs.filter((run) => isCopied(run, limits)).sort((a, b) => lengthOf(b) - lengthOf(a) || byName(a, b));
  const front = small.reduce((sum, run) => sum + lengthOf(run), headBytes);
  const missing = limits.minPartBytes - front;
  const canLend = copied.length > 0 && lengthOf(copied[0]!) - missing >= minCopyBytes(limits);
  if (missing > 0 && !canLend) copied.unshift(...copied.splice(-1));
  return [...small, ...copied];
}

export function isCopied(run: Run, limits: PartLimits): boolean {
  return lengthOf(run) >= minCopyBytes(limits);
}

export function lengthOf({ range }: Run): number {
  return rangeLength(range);
}

function nameOf({ members: [first] }: Run): string {
  return first!.name;
}
