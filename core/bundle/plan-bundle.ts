import { crc32 } from 'node:zlib';
import { crc32Combine } from '../archive/crc32.ts';
import type { ArchiveFormat } from '../archive/format.ts';
import { archiveHead, archiveTail, relocate } from '../archive/index.ts';
import type { IndexedMember } from '../archive/member.ts';
import { PodfreightError } from '../errors.ts';
import { type ByteRange, rangeLength } from '../range.ts';
import { minCopyBytes, type PartLimits, S3_PART_LIMITS } from './part-limits.ts';
import type { PartPlan, Segment } from './plan.ts';
import { planParts } from './plan-parts.ts';

/** A pod's member as it lies in `sources[source]`. */
export interface SourceMember {
  readonly source: number;
  readonly member: IndexedMember;
}

export interface BundlePlan {
  /** The whole object in order: head, members, tail. */
  readonly segments: readonly Segment[];
  /** The manifest first, then the pods, each where it lies in the bundle. */
  readonly members: readonly IndexedMember[];
  readonly parts: PartPlan;
}

/** Members that lie side by side in one source, and so are one range of it. */
interface Run {
  readonly source: number;
  readonly range: ByteRange;
  readonly members: IndexedMember[];
}

/**
 * Plans a bundle: the merged manifest, then the members as they lie in their sources, then the index. The longest runs
 * come first and can be copied; those too small for that come last and go up together with the tail. The same members of
 * the same sources make the same bytes, in whatever order they are given.
 * @param bundle.format of the bundle and of all sources; gzip cannot be spliced
 * @param bundle.modifiedAt the manifest member's time
 * @throws PodfreightError `unsupported` for gzip, for a member of another format, and as {@link planParts}
 */
export async function planBundle(
  bundle: { manifest: Buffer; modifiedAt: Date; format: ArchiveFormat; members: readonly SourceMember[] },
  limits: PartLimits = S3_PART_LIMITS,
): Promise<BundlePlan> {
  const { manifest, modifiedAt, format } = bundle;
  for (const { member } of bundle.members) checkFormat(member, format);
  const runs = orderRuns(runsOf(bundle.members), minCopyBytes(limits));

  const head = await archiveHead(manifest, format, modifiedAt);
  const members = [head.member];
  let position = head.bytes.length;
  for (const run of runs) {
    for (const member of run.members) {
      members.push(relocate(member, position));
      position += rangeLength(member.wire);
    }
  }
  const tail = await archiveTail(members, format);

  const segments: Segment[] = [
    { kind: 'literal', bytes: head.bytes },
    ...runs.map(({ source, range }): Segment => ({ kind: 'range', source, range })),
    { kind: 'literal', bytes: tail },
  ];
  const parts = planParts(segments, { crc32: wholeCrc32(members, tail), limits });
  return { segments, members, parts };
}

function checkFormat(member: IndexedMember, format: ArchiveFormat): void {
  if ((member.frames !== undefined) !== (format === 'tar+zstd')) {
    throw new PodfreightError('unsupported', `${member.name} lies in an archive of another format than ${format}.`, {
      subject: { member: member.name },
    });
  }
}

function runsOf(members: readonly SourceMember[]): Run[] {
  const runs: Run[] = [];
  const asTheyLie = [...members].sort((a, b) => a.source - b.source || a.member.wire.start - b.member.wire.start);
  for (const { source, member } of asTheyLie) {
    const last = runs.at(-1);
    if (last?.source === source && last.range.end === member.wire.start) {
      last.members.push(member);
      runs[runs.length - 1] = { ...last, range: { start: last.range.start, end: member.wire.end } };
    } else {
      runs.push({ source, range: member.wire, members: [member] });
    }
  }
  return runs;
}

/** Runs worth a copy, longest first, then the small ones; among equals the first member's name decides. */
function orderRuns(runs: readonly Run[], minCopy: number): Run[] {
  const name = ({ members: [first] }: Run) => first!.name;
  return [...runs].sort((a, b) => {
    const [aLength, bLength] = [rangeLength(a.range), rangeLength(b.range)];
    const byLength = aLength >= minCopy || bLength >= minCopy ? bLength - aLength : 0;
    return byLength || (name(a) < name(b) ? -1 : 1);
  });
}

function wholeCrc32(members: readonly IndexedMember[], tail: Buffer): number {
  let whole = 0;
  for (const member of members) whole = crc32Combine(whole, member.wireCrc32, rangeLength(member.wire));
  return crc32Combine(whole, crc32(tail), tail.length);
}
