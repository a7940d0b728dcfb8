import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appKey, cloudWithArchives } from './cloud-with-archives.ts';

describe('podfreight hold', () => {
  const { cloud, url, ran, json, listed, isThere } = cloudWithArchives();

  test('podfreight hold --pod default/app --reason "incident 4711" --by oncall', async () => {
    const stdout = await ran('hold', '--pod', 'default/app', '--reason', 'incident 4711', '--by', 'oncall');
    assert.equal(stdout, `held  ${url(appKey(2))}\n`);
    assert.match(await ran('hold', appKey(2)), /^held {2}s3:.* \(since \S+Z, by oncall: incident 4711\)\n$/);
    const { held } = await json<{ held: { location: { key: string }; hold: { by: string } }[] }>('list', '--held');
    assert.deepEqual(
      held.map(({ location, hold }) => [location.key, hold.by]),
      [[appKey(2), 'oncall']],
    );
    assert.match(await ran('list', '--held'), /app-2.*\n {4}oncall: incident 4711\n$/);
  });

  test('podfreight rm of several, one of them held: none goes', async () => {
    const { code, stdout, stderr } = await cloud.run(['rm', appKey(0), appKey(2)]);
    assert.deepEqual([code, stdout], [17, '']);
    assert.match(stderr, /^podfreight: s3:.*app-2.* is held by oncall since .*: incident 4711\. .*\n$/);
    assert.ok(await isThere(appKey(0)));
    assert.equal((await listed()).length, 4);
  });
});
