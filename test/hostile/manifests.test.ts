import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { formatManifest, parseManifest } from '../../core/manifest/manifest.ts';
import { CanaryTree } from './canary.ts';
import type { ManifestCase, ManifestRefusal } from './manifest-case.ts';
import { MANIFEST_GROUPS } from './manifests.ts';
import { assertOneSafeLine, assertSafe } from './safe.ts';
import { ALL } from './slice.ts';
import { END, file, GOOD_START, manifestFile, podFile } from './tar-bytes.ts';
import { cataloguing, inserting, OBJECT_NAME, pushing, showing } from './ways.ts';

describe('hostile manifests', () => {
  let tree: CanaryTree;
  let good: string;
  before(async () => {
    tree = await CanaryTree.plant();
    good = await tree.put('good', Buffer.concat([...GOOD_START, END]));
  });
  after(() => tree.remove());

  for (const { title, cases } of MANIFEST_GROUPS) {
    describe(title, () => {
      for (const one of cases) {
        if (one.slow && !ALL) continue;
        const { verdict } = one;
        if ('lands' in verdict) test(`allows ${one.name}`, () => checkLands(one, verdict.lands));
        else {
          test(`prevents ${one.name}`, () => checkArchived(one, verdict));
          if (one.onlyArchived) continue;
          test(`prevents ${one.name}, in the target`, () => checkInTarget(one, verdict));
        }
      }
    });
  }

  /** In an archive. */
  async function checkArchived(one: ManifestCase, { reason }: ManifestRefusal): Promise<void> {
    const bytes = Buffer.concat([file('checkpointed.pods', one.bytes), podFile('a1'), END]);
    const path = await tree.put('archive', bytes);
    const message = (archive: string) =>
      one.archived?.replace('X', archive) ?? `checkpointed.pods in ${archive} is not a valid manifest: ${reason}.`;
    const code = one.archived === undefined ? 'invalid-manifest' : 'invalid-archive';
    const untouched = await tree.fingerprint();
    for (const { refusal } of [await inserting(path, tree.target), await showing(path), await pushing(path)]) {
      assert.deepEqual([refusal?.code, refusal?.message], [code, message(path)]);
      assertOneSafeLine(refusal?.message ?? '');
    }
    const { state, reason: recorded } = await cataloguing(bytes);
    assert.deepEqual([state, recorded], ['rejected', message(OBJECT_NAME)]);
    assert.equal(await tree.fingerprint(), untouched);
    assert.deepEqual(await tree.leftovers(), []);
  }

  /** In the kubelet directory: nothing is inserted beside it, and it stays as it is. */
  async function checkInTarget(one: ManifestCase, { reason, isReadable }: ManifestRefusal): Promise<void> {
    const own = await CanaryTree.plant();
    try {
      const path = join(own.target, 'checkpointed.pods');
      await writeFile(path, one.bytes);
      const untouched = await own.fingerprint();
      const message = `${path} is not a valid manifest: ${reason}.`;
      const { refusal } = await inserting(good, own.target);
      assert.deepEqual([refusal?.code, refusal?.message], ['invalid-manifest', message]);
      assertOneSafeLine(refusal?.message ?? '');
      const shown = await showing(own.target);
      assert.equal(shown.refusal?.message, isReadable ? undefined : message);
      assertSafe(shown.text);
      assertSafe(shown.json);
      assert.equal(await own.fingerprint(), untouched);
      assert.deepEqual(await own.leftovers(), []);
    } finally {
      await own.remove();
    }
  }

  async function checkLands(one: ManifestCase, sandboxIds: readonly string[]): Promise<void> {
    const bytes = Buffer.concat([file('checkpointed.pods', one.bytes), ...sandboxIds.map((id) => podFile(id)), END]);
    const path = await tree.put('archive', bytes);
    const own = await CanaryTree.plant(async ({ target }) => {
      const present = await tree.put('present', Buffer.concat([manifestFile('present'), podFile('present'), END]));
      assert.equal((await inserting(present, target)).refusal, undefined);
    });
    try {
      const { refusal, text } = await inserting(path, own.target, '--dry-run');
      assert.equal(refusal, undefined, refusal?.message);
      assertSafe(text);
      assert.equal((await inserting(path, own.target)).refusal, undefined);
      for (const shown of [await showing(path), await showing(own.target)]) {
        assert.equal(shown.refusal, undefined);
        assertSafe(shown.text);
        assertSafe(shown.json);
      }
      const landed = parseManifest(await readFile(join(own.target, 'checkpointed.pods')));
      const arrived = parseManifest(one.bytes);
      const ids = landed.pods?.map((pod) => pod.sandboxId);
      assert.deepEqual(ids, ['present', ...sandboxIds]);
      // Also what nobody knows of them is kept.
      assert.deepEqual(landed.pods?.slice(1), arrived.pods ?? []);
      assert.deepEqual(parseManifest(formatManifest(arrived)), arrived);
    } finally {
      await own.remove();
    }
    const { state, reason = '' } = await cataloguing(bytes);
    assert.deepEqual([state, reason], [one.catalogue ? 'rejected' : 'ready', one.catalogue ?? '']);
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
  }
});
