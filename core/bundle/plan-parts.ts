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
 * than its own bytes, and where a neighbour can spare them, no more than what it lacks of 5 MiB.
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
  const parts = cutStretches(fillUploads(stretchesOf(joined, limits), limits), limits);
  if (parts.length > limits.maxParts)
    throw tooLarge(`its pieces need more than the ${limits.maxParts} parts S3 allows`);
  return { parts, sizeBytes, ...(crc32 === undefined ? {} : { crc32 }) };
}

/**
 * Requests that composing takes when none fails: for each part, for each range read for one, to begin, to look, and to
 * complete.
 */
export function composeRequests({ parts }: PartPlan): number {
  const reads = parts.reduce(
    (sum, part) => sum + (part.kind === 'upload' ? part.segments.filter(isRange).length : 0),
    0,
  );
  return reads + (isOnePut(parts) ? 1 : parts.length + 3);
}

/** Whether the object is so small that it is sent whole. */
export function isOnePut(parts: readonly PlannedPart[]): boolean {
  return parts.length === 0 || (parts.length === 1 && parts[0]!.kind === 'upload');
}

/** Bytes of the parts that S3 copies, or that we upload. */
export function bytesOf({ parts }: PartPlan, kind: PlannedPart['kind']): number {
  return parts.reduce((sum, part) => {
    if (part.kind !== kind) return sum;
    return sum + (part.kind === 'copy' ? rangeLength(part.range) : part.sizeBytes);
  }, 0);
}

function isRange({ kind }: Segment): boolean {
  return kind === 'range';
}

function stretchesOf(segments: readonly Segment[], limits: PartLimits): Stretch[] {
  const stretches: Stretch[] = [];
  for (const segment of segments) {
    const last = stretches.at(-1);
    const isCopied = segment.kind === 'range' && segmentLength(segment) >= minCopyBytes(limits);
    if (isCopied) stretches.push({ kind: 'copy', segment });
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
    const lengths = evenLengths(lengthOf(stretch), pieceCount(stretch, copyPartBytes, limits));
    if (stretch.kind === 'copy') {
      const { source, range } = stretch.segment;
      return cutRangeTo(range, lengths).map((piece) => ({ kind: 'copy', source, range: piece }));
    }
    return cutSegments(stretch.segments, lengths).map((run, i) => ({
      kind: 'upload',
      segments: joinTouching(run),
      sizeBytes: lengths[i]!,
    }));
  });
}

/** The smallest length from `copyPartBytes` on with which all parts fit in `maxParts`, or the largest allowed. */
function chooseCopyPartBytes(stretches: readonly Stretch[], limits: PartLimits): number {
  const fits = (copyPartBytes: number) =>
    stretches.reduce((count, stretch) => count + pieceCount(stretch, copyPartBytes, limits), 0) <= limits.maxParts;
  let [low, high] = [limits.copyPartBytes, 2 * limits.maxPartBytes];
  if (fits(low)) return low;
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Copies are cut to the nearest count: a member of 1 GiB is some bytes longer with its headers, and still 5 parts. */
function pieceCount(stretch: Stretch, copyPartBytes: number, limits: PartLimits): number {
  const length = lengthOf(stretch);
  if (stretch.kind === 'upload') return Math.ceil(length / limits.uploadPartBytes);
  return Math.max(1, Math.round(length / copyPartBytes), Math.ceil(length / limits.maxPartBytes));
}

function lengthOf(stretch: Stretch): number {
  return stretch.kind === 'copy' ? segmentLength(stretch.segment) : segmentsLength(stretch.segments);
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
