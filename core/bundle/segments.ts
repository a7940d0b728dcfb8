import { type ByteRange, rangeLength } from '../range.ts';
import type { Segment } from './plan.ts';

export function segmentLength(segment: Segment): number {
  return segment.kind === 'literal' ? segment.bytes.length : rangeLength(segment.range);
}

export function segmentsLength(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segmentLength(segment), 0);
}

/** The same bytes without empty segments, and with touching ranges of one source as one range. */
export function joinTouching(segments: readonly Segment[]): Segment[] {
  const joined: Segment[] = [];
  for (const segment of segments) {
    if (segmentLength(segment) === 0) continue;
    const last = joined.at(-1);
    if (
      segment.kind === 'range' &&
      last?.kind === 'range' &&
      last.source === segment.source &&
      last.range.end === segment.range.start
    ) {
      joined[joined.length - 1] = { ...segment, range: { start: last.range.start, end: segment.range.end } };
    } else {
      joined.push(segment);
    }
  }
  return joined;
}

/** Consecutive runs of the segments' bytes, of the given lengths, which add up to theirs. */
export function cutSegments(segments: readonly Segment[], lengths: readonly number[]): Segment[][] {
  const rest = [...segments].reverse();
  return lengths.map((length) => {
    const run: Segment[] = [];
    for (let wanted = length; wanted > 0; ) {
      const segment = rest.pop();
      if (segment === undefined) throw new RangeError('the lengths add up to more than the segments');
      const taken = Math.min(wanted, segmentLength(segment));
      run.push(sliceSegment(segment, 0, taken));
      if (taken < segmentLength(segment)) rest.push(sliceSegment(segment, taken));
      wanted -= taken;
    }
    return run;
  });
}

/** The lengths of `count` pieces, which differ by at most one. */
export function evenLengths(lengthBytes: number, count: number): number[] {
  const short = Math.floor(lengthBytes / count);
  const longer = lengthBytes % count;
  return Array.from({ length: count }, (_, i) => (i < longer ? short + 1 : short));
}

/** Consecutive ranges of the given lengths, from the start of `range`. */
export function cutRangeTo(range: ByteRange, lengths: readonly number[]): ByteRange[] {
  let start = range.start;
  return lengths.map((length) => {
    const piece = { start, end: start + length };
    start = piece.end;
    return piece;
  });
}

function sliceSegment(segment: Segment, start: number, end = segmentLength(segment)): Segment {
  if (segment.kind === 'literal') return { kind: 'literal', bytes: segment.bytes.subarray(start, end) };
  const { range } = segment;
  return { ...segment, range: { start: range.start + start, end: range.start + end } };
}
