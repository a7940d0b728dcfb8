import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cloud } from './cloud.ts';
import { pushBothNodes } from './nodes.ts';

describe('podfreight bundle', () => {
  const cloud = new Cloud(pushBothNodes);

  test('podfreight bundle --pod default/counters --pod default/my-redis --pod edge/web', async () => {
    const pods = ['--pod', 'default/counters', '--pod', 'default/my-redis', '--pod', 'edge/web'];
    const { code, stdout, stderr } = await cloud.run(['bundle', ...pods]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Bundle [0-9a-f]{32}: 3 pods, [\d.]+ MiB \(.*\)\n {2}default\/counters /);
    const bundleId = /^Bundle (\S+):/.exec(stdout)?.[1] ?? '';
    assert.deepEqual(await cloud.keys(cloud.bundles), [`${bundleId}.tar.zst`]);
    assert.equal(await cloud.unfinishedUploads(cloud.bundles), 0);

    const again = await cloud.run(['bundle', ...pods.toReversed().map((word, i, all) => all[i ^ 1] ?? word), '--json']);
    const { created, ...result } = JSON.parse(again.stdout);
    assert.deepEqual([created, result.bundleId], [false, bundleId]);
    const quiet = await cloud.run(['bundle', ...pods, '--quiet']);
    assert.equal(quiet.stdout, `${bundleId}\n`);
    const bundles = await cloud.run(['list', '--bundles']);
    assert.match(
      bundles.stdout,
      new RegExp(`\\| ${bundleId} \\| .* \\| default/counters .*\\n.*default/my-redis edge/web`),
    );
  });

  test('refuses what it cannot bundle', async () => {
    for (const [args, code, message] of [
      [['bundle', '--pod', 'default/nobody'], 3, /no checkpoint.*default\/nobody/],
      [['bundle'], 2, /Say which pods/],
      [['bundle', '--pod', 'nobody'], 2, /namespace\/name/],
      [['bundle', '--pod', 'a/b', '--bundle-function', 'no-such-function'], 3, /no-such-function/],
    ] as const) {
      const { code: ended, stdout, stderr } = await cloud.run(args);
      assert.match(stderr, message);
      assert.match(stderr, /^podfreight: [^\n]+\n$/);
      assert.deepEqual([ended, stdout], [code, ''], args.join(' '));
    }
  });
});
