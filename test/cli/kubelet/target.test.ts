import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameOf, parseTarget } from '../../../cli/kubelet/target.ts';
import { isPodfreightError } from '../../../core/errors.ts';

test('a pod, and a container of one', () => {
  assert.deepEqual(parseTarget('kube-system/web-0.zone-1'), { namespace: 'kube-system', pod: 'web-0.zone-1' });
  assert.deepEqual(parseTarget('a/b/c'), { namespace: 'a', pod: 'b', container: 'c' });
});

test('prevents whatever is no name of Kubernetes', () => {
  const long = 'a'.repeat(64);
  for (const text of [
    ...['', 'pod', '/', 'a/', '/b', 'a/b/', 'a/b/c/d', 'a//c', 'A/b', 'a/b_c', 'a/b/c.d', 'a.b/c', 'a/../b', 'a/b/..'],
    ...['a/b?timeout=x', 'a/b/c?x', 'a/b%2fc', 'a/-b', 'a/b-', 'a/b\n', `${long}/b`, `a/${long}`, `a/b/${long}`],
    `a/${`${'a'.repeat(62)}.`.repeat(5)}b`,
  ]) {
    assert.throws(
      () => parseTarget(text),
      (error) => isPodfreightError(error, 'usage'),
      JSON.stringify(text),
    );
  }
});

test('what is taken is what stands in the path, character by character', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab09-./%?#A _\n') }), (text) => {
      try {
        const name = nameOf(parseTarget(text));
        assert.equal(name, text);
        assert.equal(new URL(`/checkpoint/${name}`, 'https://kubelet').pathname, `/checkpoint/${text}`);
      } catch (error) {
        assert.ok(isPodfreightError(error, 'usage'), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
