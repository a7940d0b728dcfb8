import type { ByteRange } from '../range.ts';

/** A piece of an object to be: bytes at hand, or a range of `sources[source]`. */
export type Segment =
  | { readonly kind: 'literal'; readonly bytes: Buffer }
  | { readonly kind: 'range'; readonly source: number; readonly range: ByteRange };

/** One S3 part: copied by S3, or read and sent by us. */
export type PlannedPart =
  | { readonly kind: 'copy'; readonly source: number; readonly range: ByteRange }
  | { readonly kind: 'upload'; readonly segments: readonly Segment[]; readonly sizeBytes: number };

export interface PartPlan {
  readonly parts: readonly PlannedPart[];
  readonly sizeBytes: number;
  /** Full-object CRC-32, combined from the segments' own; S3 compares it at completion. Absent when one is unknown. */
  readonly crc32?: number;
}
