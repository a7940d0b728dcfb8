import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { S3BucketListing } from '../../aws/s3-bucket-listing.ts';
import { bucketListingContract } from '../contracts/bucket-listing.ts';
import { localS3 } from './local-s3.ts';

bucketListingContract('in S3', async () => {
  const { client, bucket: Bucket, close } = await localS3({ versioned: true });
  return {
    listing: new S3BucketListing(client),
    bucket: Bucket,
    write: async (Key, Body) => (await client.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId!,
    remove: async (Key) => (await client.send(new DeleteObjectCommand({ Bucket, Key }))).VersionId!,
    close,
  };
});
