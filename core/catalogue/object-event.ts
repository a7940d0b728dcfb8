/**
 * What S3 tells about an object. It is a hint to look: at the version named when one was created, at the newest when one
 * was deleted. `sequencer` and `at` as in `ArchiveRecord`.
 */
export interface ObjectEvent {
  readonly kind: 'created' | 'deleted';
  readonly bucket: string;
  readonly key: string;
  /** Absent in a bucket without versions. */
  readonly versionId?: string;
  readonly sequencer: string;
  /** When S3 had the object, or lost it: ISO 8601 UTC. */
  readonly at: string;
}
