import { archiveStoreContract } from '../contracts/archive-store.ts';
import { localS3 } from './local-s3.ts';

archiveStoreContract('S3', () => localS3());
