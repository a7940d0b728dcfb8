import { crc32 } from 'node:zlib';
import { crc32Combine } from '../archive/crc32.ts';
import type { ArchiveFormat } from '../archive/format.ts';
import { archiveHead, archiveTail, relocate } from '../archive/index.ts';
import type { IndexedMember } from '../archive/member.ts';
import { PodfreightError } from '../errors.ts';
import { rangeLength } from '../range.ts';
import { type PartLimits, S3_PART_LIMITS } from './part-limits.ts';
import type { PartPlan, Segment } from './plan.ts';
import { planParts } from './plan-parts.ts';
import { orderRuns, runsOf, type SourceMember } from './runs.ts';

export interface BundlePlan {
  /** The whole object in order: head, members, tail. */
  readonly segments: readonly Segment[];
  /** The manifest first, then the pods, each where it lies in the bundle. */
  readonly members: readonly IndexedMember[];
  readonly parts: PartPlan;
}

/**
 * Plans a bundle: the merged manifest, then the members as they lie in their sources (`orderRuns`), then the index. Through
 * us go the manifest, the members too small to copy, the index, and what it takes to fill the first part up to 5 MiB: at
 * most 5 MiB, or where no run holds 10 MiB, the shortest run. The same members of the same sources make the same bytes, in
 * whatever order they are given.
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
  const head = await archiveHead(manifest, format, modifiedAt);
  const runs = orderRuns(runsOf(bundle.members), head.bytes.length, limits);

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

function wholeCrc32(members: readonly IndexedMember[], tail: Buffer): number {
  let whole = 0;
  for (const member of members) whole = crc32Combine(whole, member.wireCrc32, rangeLength(member.wire));
  return crc32Combine(whole, crc32(tail), tail.length);
}
