import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inCluster, parsePodSelector } from '../../../core/bundle/pod-selector.ts';

test('a selector is within its own cluster, else the caller’s, else default where it needs one', () => {
  for (const [selector, cluster, expected] of [
    [{ pod: 'a/b' }, undefined, 'default'],
    [{ pod: 'a/b' }, 'prod', 'prod'],
    [{ pod: 'a/b', cluster: 'own' }, 'prod', 'own'],
    [{ sandboxId: 's' }, undefined, undefined],
    [{ sandboxId: 's', pod: 'a/b' }, undefined, undefined],
    [{ sandboxId: 's' }, 'prod', 'prod'],
    [{ image: 'i' }, undefined, undefined],
    [{ image: 'i', namespace: 'n' }, undefined, 'default'],
    [{}, undefined, 'default'],
  ] as const) {
    assert.equal(inCluster(selector, cluster).cluster, expected, JSON.stringify([selector, cluster]));
  }
});

test('refuses a pod that is not namespace/name', () => {
  for (const pod of ['a', 'a/', '/b', 'a//b', 'a/b/c']) {
    assert.throws(() => parsePodSelector({ cluster: 'c', pod }, 'pods[0]'), { code: 'usage' }, pod);
  }
});
