import { bucketListingContract } from '../contracts/bucket-listing.ts';
import { MemoryBucketListing } from './bucket-listing.ts';
import { VersionedArchiveStore } from './versioned-archive-store.ts';

bucketListingContract('in memory', async () => {
  const store = new VersionedArchiveStore();
  const bucket = 'archives';
  return {
    listing: new MemoryBucketListing(store, [bucket]),
    bucket,
    write: async (key, bytes) => store.write({ bucket, key }, bytes),
    remove: async (key) => store.delete({ bucket, key }),
    close: async () => {},
  };
});
