import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchPods } from '../../cli/pod-flag.ts';
import { manifest, pod } from './pods.ts';

const all = manifest(
  pod('a', { namespace: 'default', name: 'redis' }),
  pod('b', { namespace: 'edge', name: 'redis' }),
  pod('c', { namespace: 'default', name: 'redis' }),
);

function matched(...selectors: string[]): string[] {
  return (matchPods(all, selectors, 'x.tar').pods ?? []).map(({ sandboxId }) => sandboxId);
}

test('no selector is all pods', () => assert.deepEqual(matched(), ['a', 'b', 'c']));
test('namespace/name is every checkpoint of that pod', () => assert.deepEqual(matched('default/redis'), ['a', 'c']));
test('a SandboxID is that one', () => assert.deepEqual(matched('c'), ['c']));
test('the order is that of the manifest', () => assert.deepEqual(matched('c', 'edge/redis'), ['b', 'c']));
test('all selectors without a pod are named', () => {
  assert.throws(() => matched('default/redis', 'redis', 'edge/web'), {
    code: 'not-found',
    message: 'x.tar has no pod redis, edge/web; "podfreight show" lists them, to be given as namespace/name.',
  });
});
