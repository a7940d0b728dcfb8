import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import { S3Clients } from '../../aws/s3-clients.ts';
import { archiveStoreContract } from '../contracts/archive-store.ts';
import { CREDENTIALS, localS3 } from './local-s3.ts';

archiveStoreContract('S3', () => localS3());

archiveStoreContract('S3 in a region other than the own', async () => {
  const own = await localS3({ region: 'us-east-1' });
  const s3 = await localS3({ region: 'eu-west-1' });
  const place = { archivesBucket: s3.bucket, bundlesBucket: 'bundles', s3Endpoint: s3.url };
  const options = { credentials: CREDENTIALS, region: 'us-east-1', endpoint: own.url };
  const clients = new S3Clients(new Map([['eu-west-1', place]]), options);
  const close = async () => {
    clients.destroy();
    await Promise.all([s3.close(), own.close()]);
  };
  return { ...s3, store: new S3ArchiveStore(clients), close };
});
