import { isPodfreightError, PodfreightError } from '../errors.ts';
import { openIfThere, PROBABLY_FREE } from '../open-if-there.ts';
import type { ObjectLocation, ObjectSource } from '../ports.ts';
import type { PartPlan } from './plan.ts';
import { bytesOf } from './plan-parts.ts';
import type { BundleProgress } from './request.ts';
import type { Work } from './work.ts';
import { OutOfTime } from './work-time.ts';

/**
 * The object of a plan, composed unless it is there already. Its key is made of its content.
 * @param progress of all copying, which this adds to
 * @throws OutOfTime when there are parts left to copy; PodfreightError `conflict` when something else has that name, and
 *   as `ArchiveStore.compose`
 */
export async function storeObject(
  location: ObjectLocation,
  { plan, sources, progress }: { plan: PartPlan; sources: readonly ObjectSource[]; progress: CopyProgress },
  work: Work,
): Promise<{ readonly object: ObjectSource; readonly created: boolean }> {
  const { store, opened } = work;
  const there = await openIfThere(store, location, PROBABLY_FREE);
  const created = there === undefined && (await compose());
  const object = there ?? (await store.open(location));
  opened.push(object);
  if (object.sizeBytes !== plan.sizeBytes) {
    throw new PodfreightError('conflict', `${object.name} is not what its name says; remove it and try again.`);
  }
  if (!created) progress.doneBytes += plan.sizeBytes;
  return { object, created };

  /** @returns false when somebody else was faster */
  async function compose(): Promise<boolean> {
    const before = progress.doneBytes;
    const pause = work.time.pause();
    const onProgress = (bytes: number) => {
      progress.doneBytes += bytes;
    };
    try {
      await store.compose(location, plan, sources, { pause, onProgress });
    } catch (error) {
      if (isPodfreightError(error, 'interrupted') && pause.aborted) throw new OutOfTime(answered(progress));
      if (!isPodfreightError(error, 'conflict')) throw error;
      progress.doneBytes = before;
      return false;
    }
    work.bytesCopied += bytesOf(plan, 'copy');
    work.bytesThrough += bytesOf(plan, 'upload');
    return true;
  }
}

export interface CopyProgress {
  doneBytes: number;
  readonly totalBytes: number;
}

function answered({ doneBytes, totalBytes }: CopyProgress): BundleProgress {
  return { step: 'copying', doneBytes, totalBytes };
}
