import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import { s3Client } from '../../aws/s3-client.ts';

const LOCATION = { bucket: 'archives', key: 'k' };
let saved: NodeJS.ProcessEnv;

beforeEach(() => {
  saved = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, {
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, saved);
});

test('without credentials nothing is sent', async (t) => {
  const server = createServer(() => assert.fail('a request came'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  process.env.AWS_REGION = 'eu-central-1';
  process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await assert.rejects(new S3ArchiveStore().open(LOCATION), { code: 'no-credentials', message: /AWS_PROFILE/ });
});

test('without a region the setting is named', async () => {
  const client = s3Client({ credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
  await assert.rejects(new S3ArchiveStore(client).open(LOCATION), { code: 'usage', message: /AWS_REGION/ });
});
