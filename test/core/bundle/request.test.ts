import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSelector } from '../../../core/bundle/pod-selector.ts';
import { selectorQuery } from '../../../core/bundle/pod-selector.ts';
import { parseBundleRequest } from '../../../core/bundle/request.ts';

const DIGEST = `sha256:${'0f'.repeat(32)}`;

test('takes what selects pods', () => {
  const pods: PodSelector[] = [
    { cluster: 'prod', pod: 'default/my-redis', at: '2026-11-22T13:20:00+01:00' },
    { cluster: 'prod', namespace: 'default', all: true },
    { image: 'redis:7', node: 'node-1' },
    { sandboxId: 'a1b2' },
  ];
  assert.deepEqual(parseBundleRequest({ pods }), { pods });
  const again = { pods, dryRun: true, asOf: '2026-11-22T13:20:00Z' };
  assert.deepEqual(parseBundleRequest(again), again);
});

test('queries the narrowest listing a selector names', () => {
  const expected: [PodSelector, ReturnType<typeof selectorQuery>][] = [
    [
      { cluster: 'c', node: 'n', sandboxId: 's' },
      { by: 'sandbox', sandboxId: 's' },
    ],
    [
      { cluster: 'c', node: 'n', pod: 'ns/p' },
      { by: 'pod', cluster: 'c', namespace: 'ns', name: 'p' },
    ],
    [
      { cluster: 'c', node: 'n', namespace: 'ns' },
      { by: 'node', cluster: 'c', node: 'n' },
    ],
    [
      { cluster: 'c', image: 'i', namespace: 'ns' },
      { by: 'container', fact: 'image', value: 'i', within: { by: 'namespace', cluster: 'c', namespace: 'ns' } },
    ],
    [
      { cluster: 'c', image: 'i', engine: 'cri-o', node: 'n', namespace: 'ns' },
      { by: 'container', fact: 'image', value: 'i', within: { by: 'node', cluster: 'c', node: 'n' } },
    ],
    [
      { cluster: 'c', image: DIGEST },
      { by: 'container', fact: 'digest', value: DIGEST, within: { by: 'cluster', cluster: 'c' } },
    ],
    [
      { cluster: 'c', engine: 'cri-o', runtime: 'crun' },
      { by: 'container', fact: 'runtime', value: 'crun', within: { by: 'cluster', cluster: 'c' } },
    ],
    [
      { cluster: 'c', engine: 'cri-o', pod: 'ns/p' },
      { by: 'pod', cluster: 'c', namespace: 'ns', name: 'p' },
    ],
    [{ image: DIGEST }, { by: 'container', fact: 'digest', value: DIGEST }],
    [
      { pod: 'ns/p', image: 'i' },
      { by: 'container', fact: 'image', value: 'i' },
    ],
    [{ cluster: 'c' }, { by: 'cluster', cluster: 'c' }],
  ];
  for (const [selector, query] of expected) assert.deepEqual(selectorQuery(selector), query);
});

test('names what is wrong with a request', () => {
  const wrong: [unknown, RegExp][] = [
    [undefined, /\{"pods"/],
    ['pods', /\{"pods"/],
    [[], /\{"pods"/],
    [{ pods: 'all' }, /\{"pods"/],
    [{ pods: [] }, /1 to 1000/],
    [{ pods: Array(1001).fill({ cluster: 'c' }) }, /1001/],
    [{ pods: [{ cluster: 'c' }], force: true }, /"force"/],
    [{ pods: [{ cluster: 'c' }], dryRun: 'yes' }, /dryRun/],
    [{ pods: [{ cluster: 'c' }], asOf: 5 }, /asOf/],
    [{ pods: [{ cluster: 'c' }], asOf: 'yesterday' }, /asOf/],
    [{ pods: [{ cluster: 'c' }, null] }, /pods\[1\] must be an object/],
    [{ pods: [['cluster']] }, /pods\[0\] must be an object/],
    [{ pods: [{ cluster: 'c', nmae: 'x' }] }, /"nmae"/],
    [{ pods: [{ cluster: 1 }] }, /\.cluster/],
    [{ pods: [{ cluster: '' }] }, /\.cluster/],
    [{ pods: [{ cluster: 'c', all: 'yes' }] }, /\.all/],
    [{ pods: [{ cluster: 'c', pod: 'my-redis' }] }, /namespace\/name/],
    [{ pods: [{ cluster: 'c', pod: 'a/b/c' }] }, /namespace\/name/],
    [{ pods: [{ cluster: 'c', at: 'yesterday' }] }, /pods\[0\]\.at/],
    [{ pods: [{ cluster: 'c', at: '2026-02-31' }] }, /pods\[0\]\.at/],
    [{ pods: [{}] }, /needs a cluster/],
    [{ pods: [{ engine: 'cri-o' }] }, /needs a cluster/],
    [{ pods: [{ pod: 'default/my-redis', all: true }] }, /needs a cluster/],
    [{ pods: [{ node: 'n', namespace: 'ns' }] }, /needs a cluster/],
  ];
  for (const [request, message] of wrong) {
    assert.throws(() => parseBundleRequest(request), { code: 'usage', message }, JSON.stringify(request));
  }
});
