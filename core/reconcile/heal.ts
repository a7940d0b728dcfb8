import { TAIL_BYTES } from '../archive/index.ts';
import { bundleRecordOf } from '../bundle/bundle-record.ts';
import { catalogueObject, type LookContext } from '../catalogue/catalogue-archive.ts';
import { wholeSeconds } from '../catalogue/instant.ts';
import type { ArchiveRecord } from '../catalogue/records.ts';
import { sequencerAfter } from '../catalogue/sequencer.ts';
import { openIfThere } from '../open-if-there.ts';
import type { Catalogue, CatalogueSurvey, ListedObject, ObjectLocation } from '../ports.ts';
import { differenceOf } from './difference.ts';

export interface HealContext extends LookContext {
  readonly catalogue: Catalogue;
  readonly survey: CatalogueSurvey;
  readonly now: () => Date;
}

/**
 * Looks at an object without an event and records what is there, ordered behind all that the table has of it by then and
 * before every event that S3 tells of later: so a change after this look always wins, and whatever an event that is being
 * handled has written up to now is cleared up.
 * @returns false when something later was recorded meanwhile
 * @throws PodfreightError as `catalogueObject`
 */
export async function lookAgain(location: ObjectLocation, context: HealContext): Promise<boolean> {
  const { bucket, key, region = context.region } = location;
  // Before the look: what is recorded after this line is of a later event than the look can be outdated by.
  const last = await context.survey.lastSequencer({ bucket, key });
  const now = context.now();
  const occasion = { bucket, key, sequencer: sequencerAfter(last, now), at: wholeSeconds(now) };
  const { isNewest } = await catalogueObject(occasion, { ...context, ...(region !== undefined && { region }) });
  return isNewest;
}

/**
 * Records a bundle as it is when it is made.
 * @returns false when there is none, or it has been recorded meanwhile
 * @throws PodfreightError as {@link bundleRecordOf}, and `conflict` when its id is recorded with another object
 */
export async function recordBundleAgain(
  location: ObjectLocation,
  { store, catalogue, region }: HealContext,
): Promise<boolean> {
  const object = await openIfThere(store, location, { tailBytes: TAIL_BYTES });
  if (object === undefined) return false;
  try {
    const bundle = await bundleRecordOf(object, catalogue, region);
    if ((await catalogue.bundle(bundle.bundleId, region))?.etag === bundle.etag) return false;
    await catalogue.recordBundle(bundle);
    return true;
  } finally {
    await object.close();
  }
}

/** How an object and the catalogue differ at this moment, whatever their listings said. */
export async function differenceNow(
  { bucket, key }: ObjectLocation,
  listed: ListedObject | undefined,
  { store, catalogue }: HealContext,
): Promise<ReturnType<typeof differenceOf>> {
  const archive = await catalogue.archive({ bucket, key });
  const difference = differenceOf(listed, archive);
  if (difference === undefined || difference === 'uncatalogued') return difference;
  const source = await openIfThere(store, { bucket, key });
  await source?.close();
  return differenceOf(source && versionOf(source), archive as ArchiveRecord);
}

function versionOf({ etag, location }: { readonly etag: string; readonly location: ObjectLocation }) {
  const { versionId } = location;
  return { etag, isDeleted: false, ...(versionId !== undefined && { versionId }) };
}
