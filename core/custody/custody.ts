import type { BundledPod } from '../catalogue/records.ts';
import type { ObjectLocation } from '../ports.ts';

/** Who did something, why and when. `by` is as they said; who it was, CloudTrail proves. */
export interface Deed {
  readonly by: string;
  readonly reason: string;
  /** ISO 8601 UTC in whole seconds. */
  readonly at: string;
}

export interface Removal extends Deed {
  /** `begun` before the object is deleted, `done` when it is: what stays begun was interrupted, and the same again ends it. */
  readonly state: 'begun' | 'done';
  readonly etag: string;
  readonly sizeBytes: number;
  readonly podCount: number;
  /** By namespace and name, and of very many only the first. */
  readonly pods: readonly BundledPod[];
}

/** What people and policies decided about one archive. */
export interface Custody {
  readonly location: Pick<ObjectLocation, 'bucket' | 'key'>;
  /** Nothing removes the archive as long as it is there. */
  readonly hold?: Deed;
  /** The last one. */
  readonly removal?: Removal;
  /** Grows with every change. */
  readonly revision: number;
}

/** How long a removal that was begun may still come to delete the object; a hold waits for that. */
export const REMOVAL_MS = 5 * 60_000;

/** A removal that somebody is at just now. */
export function isUnderWay({ removal }: Custody, now: Date): boolean {
  return removal?.state === 'begun' && now.getTime() - Date.parse(removal.at) < REMOVAL_MS;
}
