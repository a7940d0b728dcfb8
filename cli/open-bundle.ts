import { isPodfreightError, PodfreightError } from '../core/errors.ts';
import { bundleKey } from '../core/keys.ts';
import type { ArchiveStore, ObjectLocation, ObjectSource } from '../core/ports.ts';
import { nearestFirst, type Regions } from '../core/regions.ts';

/** A bucket that may have a bundle. */
export type BundlePlace = Pick<ObjectLocation, 'bucket' | 'region'>;

/** A bundle's id does not say how the bundle is compressed. */
const FORMATS = ['tar+zstd', 'tar'] as const;

/**
 * Where to look for a bundle, the nearest place first: see `nearestFirst`.
 * @param bucket that was set; one that is none of the regions' goes before them
 * @param own where this machine is
 */
export function bundlePlaces(regions: Regions, bucket: string | undefined, own: string | undefined): BundlePlace[] {
  const home = [...regions].find(([, { bundlesBucket }]) => bundlesBucket === bucket)?.[0];
  const places = nearestFirst(regions, own ?? home).map((region) => ({
    bucket: regions.get(region)!.bundlesBucket,
    region,
  }));
  return bucket === undefined || home !== undefined ? places : [{ bucket }, ...places];
}

/**
 * Opens a bundle in the first of `places` that has it. One that does not answer, fails or refuses is passed over, and told of
 * when another one has the bundle.
 * @param places at least one
 * @throws PodfreightError `not-found` when all say that they do not have it; else the first failure
 */
export async function openBundle(
  bundleId: string,
  places: readonly BundlePlace[],
  { store, warn }: { store: ArchiveStore; warn: (message: string) => void },
): Promise<ObjectSource> {
  const missing: string[] = [];
  const failures: PodfreightError[] = [];
  for (const place of places) {
    try {
      const source = await openAt(bundleId, place, store);
      if (source === undefined) {
        missing.push(nameOf(place));
        continue;
      }
      for (const { message } of failures) warn(`${message} The bundle is read from ${nameOf(place)} instead.`);
      return source;
    } catch (error) {
      if (!isPodfreightError(error, 'not-found', 'unreachable', 'service', 'access-denied')) throw error;
      failures.push(error);
    }
  }
  const [failure] = failures;
  const notThere = `There is no bundle ${bundleId} in ${missing.join(' or ')}`;
  if (failure === undefined) {
    throw new PodfreightError('not-found', `${notThere}; "podfreight list --bundles" shows what there is.`, {
      subject: { bundleId, bucket: places[0]?.bucket },
    });
  }
  if (missing.length === 0) throw failure;
  throw new PodfreightError(failure.code, `${notThere}, and elsewhere nobody could look: ${failure.message}`, {
    cause: failure,
    subject: { ...failure.subject, bundleId },
  });
}

/** Undefined when the bucket says that it does not have it. */
async function openAt(bundleId: string, place: BundlePlace, store: ArchiveStore): Promise<ObjectSource | undefined> {
  for (const format of FORMATS) {
    try {
      return await store.open({ ...place, key: bundleKey(bundleId, format) });
    } catch (error) {
      if (!isPodfreightError(error, 'not-found') || error.subject.key === undefined) throw error;
    }
  }
  return undefined;
}

function nameOf({ bucket, region }: BundlePlace): string {
  return region === undefined ? `s3://${bucket}` : `s3://${bucket} (${region})`;
}
