import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { archiveOf } from '../core/catalogue/archives.ts';
import { appKey, cloudWithArchives, OTHER_KEY } from './cloud-with-archives.ts';

describe('podfreight rm, and what comes after', () => {
  const { cloud, url, ran, json, listed, isThere, invoke } = cloudWithArchives();

  test('podfreight rm --dry-run, and what cannot be removed', async () => {
    assert.equal(await ran('rm', '--sandbox-id', 'app-0', '--dry-run'), `would remove  ${url(appKey(0))}\n`);
    for (const [args, expected, message] of [
      [['rm'], 2, /Say which archives/],
      [['rm', 'no/such/key'], 3, /has no archive/],
      [['rm', '--pod', 'default/nobody'], 3, /no checkpoint/],
      [['hold', 'no/such/key'], 3, /has no archive/],
      [['prune'], 2, /Say what to keep/],
      [['prune', '--keep-newest', '1', '--keep-at-least', '2'], 2, /one of them is wrong/],
      [['list', '--held', '--pod', 'a/b'], 2, /no filter/],
    ] as const) {
      const { code, stderr } = await cloud.run(args);
      assert.match(stderr, message);
      assert.equal(code, expected, args.join(' '));
    }
    assert.ok(await isThere(appKey(0)));
  });

  test('podfreight rm --pod default/app --reason "taken by mistake" --by oncall', async () => {
    const stdout = await ran('rm', '--pod', 'default/app', '--reason', 'taken by mistake', '--by', 'oncall');
    assert.equal(stdout, `removed  ${url(appKey(2))}\n`);
    assert.equal(await isThere(appKey(2)), false);
    assert.deepEqual(await listed(), ['app-0', 'app-1', 'other']);
    const { code, stderr } = await cloud.run(['rm', appKey(2)]);
    assert.deepEqual([code, stderr.includes('has no archive')], [3, true]);
  });

  test('podfreight list --removed', async () => {
    assert.match(await ran('list', '--removed'), /app-2.*\.tar\.zst {2}default\/app\n {4}oncall: taken by mistake\n$/);
    await cloud.stack.settled(); // the deletion's own event changes nothing of that
    const { removed } = await json<{ removed: { removal: { state: string; by: string } }[] }>('list', '--removed');
    assert.deepEqual(
      removed.map(({ removal }) => [removal.state, removal.by]),
      [['done', 'oncall']],
    );
  });

  test('podfreight rm --pod default/app --all --json', async () => {
    const { archives } = await json<{ archives: { key: string }[] }>('rm', '--pod', 'default/app', '--all');
    assert.deepEqual(archives.map(({ key }) => key).sort(), [appKey(0), appKey(1)]);
    assert.deepEqual(await listed(), ['other']);
  });

  test('a delete marker that is removed brings an archive back', async () => {
    const { VersionId } = await cloud.s3.send(new DeleteObjectCommand({ Bucket: cloud.archives, Key: OTHER_KEY }));
    await cloud.stack.settled();
    assert.deepEqual(await listed(), []);
    await cloud.s3.send(new DeleteObjectCommand({ Bucket: cloud.archives, Key: OTHER_KEY, VersionId }));
    await cloud.stack.settled();
    assert.deepEqual(await listed(), ['other']);
  });

  test('the reconcile function finds what no event told', async () => {
    cloud.stack.onEvent = async () => {};
    await cloud.put(cloud.archives, appKey(0), await archiveOf([{ sandboxId: 'again', name: 'app' }]));
    await cloud.s3.send(new DeleteObjectCommand({ Bucket: cloud.archives, Key: OTHER_KEY }));
    await cloud.stack.settled();
    const { state, counts } = await invoke<{ state: string; counts: Record<string, number> }>('podfreight-reconcile', {
      graceSeconds: 0,
    });
    assert.deepEqual([state, counts.uncatalogued, counts.gone, counts.failed], ['finished', 1, 1, 0]);
    assert.deepEqual(await listed(), ['again']);
    assert.ok(
      cloud.stack.functionLogs.some(({ line }) => line.includes('"ReconcileDifferences":2')),
      'the metric',
    );
  });

  test('the retention function tells what a policy would remove', async () => {
    const policy = { keepNewest: 1 };
    const answer = await invoke<{ state: string; removed: unknown[] }>('podfreight-retention', {
      dryRun: true,
      policy,
    });
    assert.deepEqual([answer.state, answer.removed], ['pruned', []]);
    assert.deepEqual(await invoke('podfreight-retention', {}), { state: 'off' });
  });
});
