import { PodfreightError } from '../errors.ts';
import { rangeLength } from '../range.ts';
import { minCopyBytes, type PartLimits, S3_PART_LIMITS } from './part-limits.ts';
import type { PartPlan, PlannedPart, Segment } from './plan.ts';
import { cutRangeTo, cutSegments, evenLengths, joinTouching, segmentLength, segmentsLength } from './segments.ts';

type RangeSegment = Extract<Segment, { kind: 'range' }>;

/** A stretch of the object that is copied, or that is uploaded; never two uploads in a row. */
type Stretch =
  | { readonly kind: 'copy'; readonly segment: RangeSegment }
  | { readonly kind: 'upload'; readonly segments: Segment[] };

/**
 * Packs the segments of an object, in their order, into S3 parts. S3 copies what it can; what is too small for a part of
 * its own (literals, ranges up to 5 MiB) is uploaded, and where it is not last, filled up to 5 MiB with bytes of a
 * neighbour, or with a neighbour of less than 10 MiB as a whole. So a stretch of small things costs at most 10 MiB more
 * than its own bytes, and 5 MiB where a neighbour has 10 MiB to spare.
 * @param options.crc32 full-object CRC-32 of the segments, kept in the plan
 * @throws PodfreightError `unsupported` when no plan keeps to the limits
 */
export function planParts(
  segments: readonly Segment[],
  { crc32, limits = S3_PART_LIMITS }: { crc32?: number; limits?: PartLimits } = {},
): PartPlan {
  const joined = joinTouching(segments);
  const sizeBytes = segmentsLength(joined);
  if (sizeBytes > limits.maxObjectBytes) {
    throw tooLarge(`${sizeBytes} bytes are more than the ${limits.maxObjectBytes} S3 stores in one object`);
  }
  const copyable = joined.filter(
    (segment) => segment.kind === 'range' && segmentLength(segment) >= minCopyBytes(limits),
  );
  const smallestFirst = copyable.reverse().sort((a, b) => segmentLength(a) - segmentLength(b));

  for (let uploadedAnyway = 0; uploadedAnyway <= smallestFirst.length; ) {
    const copied = new Set<Segment>(smallestFirst.slice(uploadedAnyway));
    const stretches = fillUploads(stretchesOf(joined, copied), limits);
    const parts = cutStretches(stretches, limits);
    if (parts.length <= limits.maxParts) return { parts, sizeBytes, ...(crc32 === undefined ? {} : { crc32 }) };
    // Each range needs a part, even the largest: several of the smallest must share one.
    uploadedAnyway += parts.length - limits.maxParts;
  }
  throw tooLarge(`its pieces need more than the ${limits.maxParts} parts S3 allows`);
}

function stretchesOf(segments: readonly Segment[], copied: ReadonlySet<Segment>): Stretch[] {
  const stretches: Stretch[] = [];
  for (const segment of segments) {
    const last = stretches.at(-1);
    if (segment.kind === 'range' && copied.has(segment)) stretches.push({ kind: 'copy', segment });
    else if (last?.kind === 'upload') last.segments.push(segment);
    else stretches.push({ kind: 'upload', segments: [segment] });
  }
  return stretches;
}

/** Makes every upload but the last long enough for a part, leaving every copy long enough as well. */
function fillUploads(stretches: readonly Stretch[], limits: PartLimits): Stretch[] {
  const minCopy = minCopyBytes(limits);
  const filled: Stretch[] = [];
  const waiting = [...stretches].reverse();
  for (let stretch = waiting.pop(); stretch !== undefined; stretch = waiting.pop()) {
    const missing = stretch.kind === 'upload' ? limits.minPartBytes - segmentsLength(stretch.segments) : 0;
    const right = waiting.at(-1);
    if (stretch.kind === 'copy' || right?.kind !== 'copy' || missing <= 0) {
      filled.push(stretch);
      continue;
    }
    waiting.pop();
    const left = filled.at(-1);
    const fromLeft = left?.kind === 'copy' ? Math.min(missing, segmentLength(left.segment) - minCopy) : 0;
    const fromRight = missing - fromLeft;
    if (segmentLength(right.segment) - fromRight < minCopy) {
      const after = waiting.at(-1);
      if (after?.kind === 'upload') waiting.pop();
      const rest = after?.kind === 'upload' ? after.segments : [];
      waiting.push({ kind: 'upload', segments: [...stretch.segments, right.segment, ...rest] });
      continue;
    }
    if (left?.kind === 'copy' && fromLeft > 0) {
      const [kept, lent] = cutAt(left.segment, segmentLength(left.segment) - fromLeft);
      filled[filled.length - 1] = { kind: 'copy', segment: kept };
      stretch.segments.unshift(lent);
    }
    const [lent, kept] = cutAt(right.segment, fromRight);
    stretch.segments.push(lent);
    filled.push(stretch);
    waiting.push({ kind: 'copy', segment: kept });
  }
  return filled;
}

function cutStretches(stretches: readonly Stretch[], limits: PartLimits): PlannedPart[] {
  const copyPartBytes = chooseCopyPartBytes(stretches, limits);
  return stretches.flatMap((stretch): PlannedPart[] => {
    if (stretch.kind === 'copy') {
      const { source, range } = stretch.segment;
      const lengths = evenLengths(rangeLength(range), copyPartBytes);
      return cutRangeTo(range, lengths).map((piece) => ({ kind: 'copy', source, range: piece }));
    }
    const lengths = evenLengths(segmentsLength(stretch.segments), limits.uploadPartBytes);
    return cutSegments(stretch.segments, lengths).map((run, i) => ({
      kind: 'upload',
      segments: joinTouching(run),
      sizeBytes: lengths[i]!,
    }));
  });
}

/** The smallest length from `copyPartBytes` on with which all parts fit in `maxParts`, or the largest allowed. */
function chooseCopyPartBytes(stretches: readonly Stretch[], limits: PartLimits): number {
  const partCount = (copyPartBytes: number) =>
    stretches.reduce((count, stretch) => {
      const [length, atMost] =
        stretch.kind === 'copy'
          ? [segmentLength(stretch.segment), copyPartBytes]
          : [segmentsLength(stretch.segments), limits.uploadPartBytes];
      return count + Math.ceil(length / atMost);
    }, 0);
  let [low, high] = [limits.copyPartBytes, limits.maxPartBytes];
  if (partCount(low) <= limits.maxParts) return low;
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (partCount(middle) <= limits.maxParts) high = middle;
    else low = middle;
  }
  return high;
}

function cutAt({ source, range }: RangeSegment, length: number): [RangeSegment, RangeSegment] {
  const middle = range.start + length;
  return [
    { kind: 'range', source, range: { start: range.start, end: middle } },
    { kind: 'range', source, range: { start: middle, end: range.end } },
  ];
}

function tooLarge(why: string): PodfreightError {
  return new PodfreightError('unsupported', `The bundle is too large: ${why}; ask for fewer pods.`);
}
