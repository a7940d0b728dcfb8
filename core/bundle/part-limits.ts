const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/** What a plan of S3 parts must keep to, in bytes except `maxParts`. */
export interface PartLimits {
  /** The last part may be smaller. */
  readonly minPartBytes: number;
  readonly maxPartBytes: number;
  readonly maxParts: number;
  readonly maxObjectBytes: number;
  /** Our own wish: copies are cut near this, unless that makes too many parts. At least `2 * minPartBytes + 2`. */
  readonly copyPartBytes: number;
  /** Our own bound: an upload part is held in memory. At least `2 * minPartBytes`. */
  readonly uploadPartBytes: number;
}

/**
 * S3's rules, and two figures of ours: one copy runs at about 70 MiB/s and many run side by side, so 192 MiB take three
 * seconds; uploads of 16 MiB keep both requests and memory few.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */
export const S3_PART_LIMITS: PartLimits = {
  minPartBytes: 5 * MiB,
  maxPartBytes: 5 * GiB,
  maxParts: 10_000,
  maxObjectBytes: 50e12,
  copyPartBytes: 192 * MiB,
  uploadPartBytes: 16 * MiB,
};

/**
 * The smallest range that is copied: it can be a part of its own, and as S3 copies ranges only of objects greater than
 * 5 MiB, its source is sure to be one.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
 */
export function minCopyBytes(limits: PartLimits = S3_PART_LIMITS): number {
  return limits.minPartBytes + 1;
}

/** Bytes of each part (the last may be shorter) of a stream of at most `boundBytes`: whole MiB, within 10,000 parts. */
export function streamPartBytes(boundBytes: number, limits: PartLimits = S3_PART_LIMITS): number {
  return Math.max(limits.uploadPartBytes, Math.ceil(boundBytes / limits.maxParts / MiB) * MiB);
}
