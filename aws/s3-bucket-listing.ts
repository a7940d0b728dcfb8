import {
  type DeleteMarkerEntry,
  ListObjectVersionsCommand,
  type ObjectVersion,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { BucketListing, KeyPage, ListedObject } from '../core/ports.ts';
import { awsError, isThrottled } from './errors.ts';
import { retrying } from './retry.ts';
import { s3Client } from './s3-client.ts';

/** What S3 calls the version of an object that was written while the bucket kept none. */
const NULL_VERSION = 'null';

/** Listings of versions: only they tell which version a key's newest is. */
export class S3BucketListing implements BucketListing {
  readonly #client: S3Client;

  constructor(client: S3Client = s3Client()) {
    this.#client = client;
  }

  async newest(bucket: string, after?: string): Promise<KeyPage<ListedObject>> {
    // Keys may hold what XML cannot.
    const command = new ListObjectVersionsCommand({ Bucket: bucket, KeyMarker: after, EncodingType: 'url' });
    try {
      const page = await retrying(() => this.#client.send(command), isThrottled);
      const { Versions = [], DeleteMarkers = [] } = page;
      const items = [...Versions.map(objectOf), ...DeleteMarkers.map(markerOf)]
        .filter((listed) => listed !== undefined)
        // A page that goes on behind a key may begin with the older versions of that key.
        .filter(({ key }) => key !== after)
        .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
      const next = page.IsTruncated ? decode(page.NextKeyMarker!) : undefined;
      return { items, ...(next !== undefined && { next }) };
    } catch (error) {
      throw awsError(error, `s3://${bucket}`, { bucket });
    }
  }
}

function objectOf(version: ObjectVersion): ListedObject | undefined {
  const etag = version.ETag;
  return version.IsLatest ? { ...listed(version), ...(etag !== undefined && { etag }), isDeleted: false } : undefined;
}

function markerOf(marker: DeleteMarkerEntry): ListedObject | undefined {
  return marker.IsLatest ? { ...listed(marker), isDeleted: true } : undefined;
}

function listed({ Key, VersionId, LastModified }: ObjectVersion | DeleteMarkerEntry) {
  return {
    key: decode(Key!),
    modifiedAt: LastModified!,
    ...(VersionId !== undefined && VersionId !== NULL_VERSION && { versionId: VersionId }),
  };
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
