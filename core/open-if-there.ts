import { isPodfreightError } from './errors.ts';
import type { ArchiveStore, ObjectLocation, ObjectSource } from './ports.ts';

/**
 * The object, or undefined when there is none; a bucket that is missing is an error all the same.
 * @throws PodfreightError as `store.open`
 */
export async function openIfThere(store: ArchiveStore, location: ObjectLocation): Promise<ObjectSource | undefined> {
  try {
    return await store.open(location);
  } catch (error) {
    if (isPodfreightError(error, 'not-found') && error.subject.key !== undefined) return undefined;
    throw error;
  }
}
