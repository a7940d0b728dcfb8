import { DeleteObjectCommand, PutObjectCommand, PutObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import { S3ArchiveKeeper } from '../../aws/s3-archive-keeper.ts';
import { archiveKeeperContract } from '../contracts/archive-keeper.ts';
import { localS3 } from './local-s3.ts';

for (const hasLocks of [false, true]) {
  archiveKeeperContract(hasLocks ? 'in S3 with locks' : 'in S3', async () => {
    const { client, store, bucket: Bucket, close } = await localS3({ versioned: true });
    if (hasLocks) {
      const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' } as const;
      await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
    }
    return {
      ...{ keeper: new S3ArchiveKeeper(client), store, bucket: Bucket, hasLocks, close },
      write: async (Key, Body) => void (await client.send(new PutObjectCommand({ Bucket, Key, Body }))),
      isErasable: (Key, VersionId) =>
        client.send(new DeleteObjectCommand({ Bucket, Key, VersionId })).then(
          () => true,
          () => false,
        ),
    };
  });
}
