import { isPodfreightError } from './errors.ts';
import type { ArchiveStore, ObjectLocation, ObjectSource, OpenOptions } from './ports.ts';

/**
 * For a key that is probably free: it is asked for by a GET, whose answer says whether the key or the bucket is missing. After
 * that of a HEAD, which has no body, it takes a GET to learn it.
 */
export const PROBABLY_FREE: OpenOptions = { tailBytes: 1 };

/**
 * The object, or undefined when there is none; a bucket that is missing is an error all the same.
 * @throws PodfreightError as `store.open`
 */
export async function openIfThere(
  store: ArchiveStore,
  location: ObjectLocation,
  options?: OpenOptions,
): Promise<ObjectSource | undefined> {
  try {
    return await store.open(location, options);
  } catch (error) {
    if (isPodfreightError(error, 'not-found') && error.subject.key !== undefined) return undefined;
    throw error;
  }
}
