/** What the clocks of nodes and of S3 may differ without being wrong. */
const SKEW_MS = 60_000;

/**
 * Whether a checkpoint can have been taken then: not after S3 had it, as far as clocks agree.
 * @param storedAt the object's `LastModified`; of a multipart upload that is when it was begun, which is after it as well
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html "Last-Modified"
 */
export function isBelievable(checkpointedAt: Date, storedAt: Date): boolean {
  return checkpointedAt.getTime() <= storedAt.getTime() + SKEW_MS;
}
