import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appKey, cloudWithArchives } from './cloud-with-archives.ts';

describe('podfreight prune', () => {
  const { url, ran, json, listed, isThere } = cloudWithArchives();

  test('podfreight prune --keep-newest 1 --dry-run, and without', async () => {
    await ran('hold', appKey(1), '--by', 'audit');
    const dry = await ran('prune', '--keep-newest', '1', '--dry-run');
    assert.match(
      dry,
      /^would remove {2}s3:.*app-0.*\n {4}default\/default\/app has 2 newer checkpoints, the newest 1 are kept\n/,
    );
    assert.equal((await listed()).length, 4);
    const { removed, finished } = await json<{ removed: { archive: string }[]; finished: boolean }>(
      ...['prune', '--keep-newest', '1', '--by', 'oncall'],
    );
    assert.deepEqual([removed.map(({ archive }) => archive), finished], [[url(appKey(0))], true]);
    assert.deepEqual(await listed(), ['app-1', 'app-2', 'other']);
    assert.equal(await isThere(appKey(0)), false);
    assert.match(await ran('prune', '--keep-newest', '1'), /^held {2}s3:.*app-1.*\n.*\n$/);
    assert.equal(await ran('prune', '--keep-newest', '2'), 'Nothing to remove.\n');
  });

  test('podfreight list --removed', async () => {
    const text = await ran('list', '--removed');
    assert.match(
      text,
      /s3:.*app-0.*\.tar\.zst {2}default\/app\n {4}oncall: default\/default\/app has 2 newer checkpoints/,
    );
  });
});
