import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { archiveOf } from '../core/catalogue/archives.ts';
import { Cloud } from './cloud.ts';

/** Three checkpoints of `default/app`, an hour apart, and one of `default/other`. */
const TIMES = ['20261122T100000Z', '20261122T110000Z', '20261122T120000Z'];
const appKey = (i: number) => `default/node-a/app-${i}/${TIMES[i]}.tar.zst`;
const OTHER_KEY = 'default/node-a/other/20261122T100000Z.tar.zst';

describe('podfreight rm, hold, unhold, prune', () => {
  const cloud = new Cloud(async (up) => {
    for (const [i, time] of TIMES.entries()) {
      const modifiedAt = new Date(time.replace(/(....)(..)(..T..)(..)(..)/, '$1-$2-$3:$4:$5'));
      const pod = { sandboxId: `app-${i}`, namespace: 'default', name: 'app', modifiedAt };
      await up.put(up.archives, appKey(i), await archiveOf([pod]));
    }
    await up.put(up.archives, OTHER_KEY, await archiveOf([{ sandboxId: 'other', name: 'other' }]));
    await up.stack.settled();
  });
  const url = (key: string) => `s3://${cloud.archives}/${key}`;

  async function ran(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await cloud.run(args);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    return stdout;
  }
  async function json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await ran(...args, '--json')) as T;
  }
  const listed = async () => {
    const { checkpoints } = await json<{ checkpoints: { sandboxId: string }[] }>('list');
    return checkpoints.map(({ sandboxId }) => sandboxId).sort();
  };
  const isThere = (Key: string) =>
    cloud.s3.send(new HeadObjectCommand({ Bucket: cloud.archives, Key })).then(
      () => true,
      () => false,
    );
  async function invoke<T>(name: string, payload: object): Promise<T> {
    const lambda = new LambdaClient({
      endpoint: cloud.stack.endpoints.lambda,
      region: cloud.setting('AWS_REGION'),
      credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
    });
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(payload)) }),
    );
    lambda.destroy();
    const text = Buffer.from(Payload ?? []).toString();
    assert.equal(FunctionError, undefined, text);
    return JSON.parse(text) as T;
  }

  test('podfreight hold --pod default/app --reason "incident 4711" --by ada', async () => {
    const stdout = await ran('hold', '--pod', 'default/app', '--reason', 'incident 4711', '--by', 'ada');
    assert.equal(stdout, `held  ${url(appKey(2))}\n`);
    assert.match(await ran('hold', appKey(2)), /^held {2}s3:.* \(since \S+Z, by ada: incident 4711\)\n$/);
    const { held } = await json<{ held: { location: { key: string }; hold: { by: string } }[] }>('list', '--held');
    assert.deepEqual(
      held.map(({ location, hold }) => [location.key, hold.by]),
      [[appKey(2), 'ada']],
    );
    assert.match(await ran('list', '--held'), /app-2.*\n {4}ada: incident 4711\n$/);
  });

  test('podfreight rm of several, one of them held: none goes', async () => {
    const { code, stdout, stderr } = await cloud.run(['rm', appKey(0), appKey(2)]);
    assert.deepEqual([code, stdout], [17, '']);
    assert.match(stderr, /^podfreight: s3:.*app-2.* is held by ada since .*: incident 4711\. .*\n$/);
    assert.ok(await isThere(appKey(0)));
    assert.equal((await listed()).length, 4);
  });

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

  test('podfreight prune --keep-newest 1 --dry-run, and without', async () => {
    const dry = await ran('prune', '--keep-newest', '1', '--dry-run');
    assert.match(
      dry,
      /^would remove {2}s3:.*app-0.*\n {4}default\/default\/app has 2 newer checkpoints, the newest 1 are kept\n/,
    );
    assert.equal((await listed()).length, 4);
    const { removed, finished } = await json<{ removed: { archive: string }[]; finished: boolean }>(
      ...['prune', '--keep-newest', '1', '--by', 'ada'],
    );
    assert.deepEqual([removed.map(({ archive }) => archive), finished], [[url(appKey(0)), url(appKey(1))], true]);
    assert.deepEqual(await listed(), ['app-2', 'other']);
    assert.equal(await isThere(appKey(0)), false);
    assert.equal(await ran('prune', '--keep-newest', '1'), 'Nothing to remove.\n');
  });

  test('podfreight list --removed', async () => {
    const text = await ran('list', '--removed');
    assert.match(
      text,
      /s3:.*app-1.*\.tar\.zst {2}default\/app\n {4}ada: default\/default\/app has 1 newer checkpoints/,
    );
    await cloud.stack.settled(); // the deletions' own events change nothing of that
    const { removed } = await json<{ removed: { removal: { state: string; by: string } }[] }>('list', '--removed');
    assert.deepEqual(
      removed.map(({ removal }) => [removal.state, removal.by]),
      [
        ['done', 'ada'],
        ['done', 'ada'],
      ],
    );
  });

  test('podfreight unhold, then rm', async () => {
    assert.equal(await ran('unhold', '--pod', 'default/app'), `free  ${url(appKey(2))}\n`);
    assert.equal(await ran('unhold', appKey(2)), `was not held  ${url(appKey(2))}\n`);
    assert.equal(await ran('rm', '--pod', 'default/app', '--reason', 'done with'), `removed  ${url(appKey(2))}\n`);
    assert.deepEqual(await listed(), ['other']);
    assert.equal((await cloud.run(['rm', appKey(2)])).code, 3);
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
