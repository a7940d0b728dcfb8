import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cloud } from './cloud.ts';
import { PODS, pushBothNodes } from './nodes.ts';

describe('podfreight list', () => {
  const cloud = new Cloud(pushBothNodes);

  async function listed(...args: string[]): Promise<string[]> {
    const { code, stdout, stderr } = await cloud.run(['list', ...args, '--json']);
    assert.deepEqual([code, stderr], [0, '']);
    return JSON.parse(stdout).checkpoints.map(({ sandboxId }: { sandboxId: string }) => sandboxId);
  }

  test('podfreight list', async () => {
    const { code, stdout, stderr } = await cloud.run(['list']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^\+-+\+.*\n\| +CHECKPOINTED +\| NAMESPACE \| +POD +\|/);
    assert.match(stdout, /\| default +\| counters +\| counter web +\| node-a +\| 400\.0 KiB +\|/);
    assert.equal(stdout.match(/node-[ab]/g)?.length, 4);
  });

  test('podfreight list with each filter', async () => {
    assert.deepEqual((await listed()).toSorted(), [PODS.redisOnA, PODS.counters, PODS.redisOnB, PODS.web].toSorted());
    assert.deepEqual((await listed('--pod', 'default/my-redis')).toSorted(), [PODS.redisOnA, PODS.redisOnB].toSorted());
    assert.deepEqual(await listed('--pod', 'default/my-redis', '--node', 'node-a'), [PODS.redisOnA]);
    assert.deepEqual(await listed('--namespace', 'edge'), [PODS.web]);
    assert.deepEqual((await listed('--node', 'node-b')).toSorted(), [PODS.redisOnB, PODS.web].toSorted());
    assert.deepEqual((await listed('--image', 'localhost/web')).toSorted(), [PODS.counters, PODS.web].toSorted());
    assert.deepEqual(await listed('--sandbox-id', PODS.counters), [PODS.counters]);
    assert.deepEqual(await listed('--cluster', 'other'), []);
    assert.deepEqual(await listed('--since', '2030-01-01T00:00:00Z'), []);
    assert.equal((await listed('--limit', '3')).length, 3);
  });

  test('podfreight list --show-sandbox-id', async () => {
    const { stdout } = await cloud.run(['list', '--show-sandbox-id', '--pod', 'edge/web']);
    assert.match(stdout, new RegExp(`\\| ${PODS.web} +\\|`));
  });

  test('podfreight list --rejected', async () => {
    assert.equal((await cloud.run(['list', '--rejected'])).stdout, '');
    await cloud.put(
      cloud.archives,
      'default/node-a/notes/20261122T132000Z.tar',
      Buffer.from('no archive\n'.repeat(100)),
    );
    await cloud.stack.settled();
    const { code, stdout } = await cloud.run(['list', '--rejected']);
    assert.equal(code, 0);
    assert.match(stdout, /^\S+Z {2}s3:\S+\/default\/node-a\/notes\/20261122T132000Z\.tar\n {4}The archive .*\n$/);
    assert.deepEqual(await cloud.stack.deadLetters(), []);
  });

  test('refuses what it cannot list', async () => {
    for (const [args, code, message] of [
      [['list', '--pod', 'default'], 2, /namespace\/name/],
      [['list', '--since', 'yesterday'], 2, /--since/],
      [['list', '--table', 'no-such-table'], 3, /no-such-table/],
      [['list', '--limit', 'many'], 2, /whole number/],
    ] as const) {
      const { code: ended, stdout, stderr } = await cloud.run(args);
      assert.match(stderr, message);
      assert.match(stderr, /^podfreight: [^\n]+\n$/);
      assert.deepEqual([ended, stdout], [code, ''], args.join(' '));
    }
  });
});
