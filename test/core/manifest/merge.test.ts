import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isPodfreightError } from '../../../core/errors.ts';
import { checkManifest, formatManifest, type Manifest, parseManifest } from '../../../core/manifest/manifest.ts';
import { mergeManifests, selectPods } from '../../../core/manifest/merge.ts';
import { anyManifest } from './arbitrary.ts';

/** Pods as `id` or `id=name`. */
function manifest(version: number, pods: string[] | null, more: object = {}): Manifest {
  const entries = pods?.map((pod) => {
    const [id, name] = pod.split('=');
    return { SandboxID: id, 'io.kubernetes.pod.name': name, Containers: [] };
  });
  return parseManifest(Buffer.from(JSON.stringify({ version, CheckpointedPods: entries ?? null, ...more })));
}

const names = (pods: Manifest['pods']) =>
  pods?.map((pod) => (pod.name === '' ? pod.sandboxId : `${pod.sandboxId}=${pod.name}`));

describe('merging', () => {
  test('appends, and keeps the version and fields of the base', () => {
    const merged = mergeManifests(manifest(1, ['b', 'a'], { x: 'base' }), manifest(2, ['d', 'c'], { y: 'new' }));
    assert.deepEqual(names(merged.manifest.pods), ['b', 'a', 'd', 'c']);
    assert.deepEqual(names(merged.added), ['d', 'c']);
    assert.equal(merged.manifest.version, 1n);
    assert.deepEqual(merged.manifest.unknown, [['x', { kind: 'string', text: 'base' }]]);
  });

  test('without a base, is the additions', () => {
    const additions = manifest(2, ['a'], { y: 1 });
    const merged = mergeManifests(undefined, additions);
    assert.deepEqual(merged, { manifest: additions, added: additions.pods, unchanged: [], conflicts: [] });
  });

  test('again changes nothing', () => {
    const base = manifest(1, ['a=one', 'b']);
    const merged = mergeManifests(base, manifest(2, ['b', 'a=one']));
    assert.deepEqual(merged.manifest, base);
    assert.deepEqual(names(merged.unchanged), ['b', 'a=one']);
    assert.deepEqual(merged.added, []);
  });

  test('tells of an entry that differs, and keeps the base’s', () => {
    const base = manifest(1, ['a=one', 'b']);
    const merged = mergeManifests(base, manifest(1, ['c', 'a=two']));
    assert.deepEqual(names(merged.manifest.pods), ['a=one', 'b', 'c']);
    assert.deepEqual(
      merged.conflicts.map((conflict) => [conflict.base.name, conflict.addition.name]),
      [['one', 'two']],
    );
  });

  test('replaces it in its place when asked to', () => {
    const merged = mergeManifests(manifest(1, ['a=one', 'b']), manifest(1, ['c', 'a=two']), 'replace');
    assert.deepEqual(names(merged.manifest.pods), ['a=two', 'b', 'c']);
    assert.equal(merged.conflicts.length, 1);
  });

  test('takes a difference in an unknown field for one', () => {
    const pod = (field: string) =>
      parseManifest(Buffer.from(`{"CheckpointedPods":[{"SandboxID":"a","new":${field}}]}`));
    assert.equal(mergeManifests(pod('1'), pod('1.0')).conflicts.length, 1);
    assert.equal(mergeManifests(pod('[1]'), pod(' [ 1 ] ')).unchanged.length, 1);
  });

  test('of nothing and nothing stays as the old tool left it', () => {
    const rewritten = (base: string[] | null, additions: string[] | null) =>
      mergeManifests(manifest(0, base), manifest(0, additions)).manifest.pods;
    assert.equal(rewritten(null, []), null);
    assert.deepEqual(rewritten([], null), []);
    assert.equal(rewritten(null, ['a'])?.length, 1);
  });
});

describe('selecting', () => {
  const all = manifest(3, ['c', 'a', 'b'], { x: 1 });

  test('keeps the order and everything else', () => {
    const selected = selectPods(all, ['a', 'c']);
    assert.deepEqual({ ...selected, pods: all.pods }, all);
    assert.deepEqual(names(selected.pods), ['c', 'a']);
  });

  test('names all pods that are not there', () => {
    assert.throws(
      () => selectPods(all, ['x', 'a', 'y']),
      (error) =>
        isPodfreightError(error, 'not-found') && error.message === 'The manifest has no pod with SandboxID x, y.',
    );
  });
});

/** Pods `p0`, `p1`, … from the pool, so that several manifests share some. */
const anyChecked = anyManifest.chain((pool) =>
  fc.subarray((pool.pods ?? []).map((pod, i) => ({ ...pod, sandboxId: `p${i}` }))).map((pods) => ({ ...pool, pods })),
);

test('a merged manifest has each pod once, loses none, and merging again adds nothing', () => {
  fc.assert(
    fc.property(anyChecked, anyChecked, fc.constantFrom('keep', 'replace'), (base, additions, onConflict) => {
      const { manifest: merged, added, unchanged, conflicts } = mergeManifests(base, additions, onConflict);
      checkManifest(merged);
      const ids = (pods: Manifest['pods']) => new Set(pods?.map((pod) => pod.sandboxId));
      assert.deepEqual(ids(merged.pods), ids([...base.pods, ...additions.pods]));
      assert.equal(added.length + unchanged.length + conflicts.length, additions.pods.length);
      const again = mergeManifests(merged, additions, onConflict);
      assert.deepEqual(formatManifest(again.manifest), formatManifest(merged));
      assert.equal(again.added.length, 0);
      if (onConflict === 'replace') assert.equal(again.conflicts.length, 0);
    }),
  );
});
