import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { defaultProvider } from '../../lambda/credentials.ts';

const before = process.env;
beforeEach(() => {
  process.env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
});
afterEach(() => {
  process.env = before;
});

test("takes what Lambda gives, the session's token with it", async () => {
  process.env.AWS_SESSION_TOKEN = 'token';
  assert.deepEqual(await defaultProvider()(), { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token' });
});

test('goes without a token where there is none', async () => {
  assert.deepEqual(await defaultProvider()(), { accessKeyId: 'id', secretAccessKey: 'secret' });
});

for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) {
  test(`says that there are none without ${name}`, async () => {
    delete process.env[name];
    await assert.rejects(defaultProvider()(), { code: 'no-credentials' });
  });
}
