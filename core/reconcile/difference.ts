import type { ArchiveRecord } from '../catalogue/records.ts';
import type { ListedObject } from '../ports.ts';
import type { Difference } from './run.ts';

/** S3's word for the version of an object that was written without versions. */
const NULL_VERSION = 'null';

/** The newest version of an object, however it was learnt. */
type Version = Pick<ListedObject, 'versionId' | 'etag' | 'isDeleted'>;

/** How a bucket and the catalogue differ about one key; undefined when they do not. Either may not know it. */
export function differenceOf(
  object: Version | undefined,
  archive: ArchiveRecord | undefined,
): Extract<Difference, 'uncatalogued' | 'changed' | 'gone'> | undefined {
  const isThere = object !== undefined && !object.isDeleted;
  const isKnown = archive !== undefined && archive.state !== 'deleted';
  if (!isThere) return isKnown ? 'gone' : undefined;
  if (!isKnown) return 'uncatalogued';
  const known = archive.location.versionId ?? NULL_VERSION;
  return archive.etag === object.etag && known === (object.versionId ?? NULL_VERSION) ? undefined : 'changed';
}
