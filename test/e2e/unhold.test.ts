import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appKey, cloudWithArchives } from './cloud-with-archives.ts';

describe('podfreight unhold', () => {
  const { cloud, url, ran } = cloudWithArchives();

  test('podfreight unhold --pod default/app, and rm', async () => {
    await ran('hold', '--pod', 'default/app');
    assert.equal((await cloud.run(['rm', appKey(2)])).code, 17);
    assert.equal(await ran('unhold', '--pod', 'default/app'), `free  ${url(appKey(2))}\n`);
    assert.equal(await ran('unhold', appKey(2)), `was not held  ${url(appKey(2))}\n`);
    assert.equal(await ran('rm', appKey(2)), `removed  ${url(appKey(2))}\n`);
  });

  test('podfreight rm --force of what is held', async () => {
    await ran('hold', appKey(1));
    assert.equal(await ran('rm', '--force', appKey(1)), `removed  ${url(appKey(1))}\n`);
    assert.equal(await ran('list', '--held'), '');
  });
});
