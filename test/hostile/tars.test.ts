import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { isPodfreightError, type PodfreightError } from '../../core/errors.ts';
import { CanaryTree } from './canary.ts';
import { type ArchiveCase, matchesRefusal, type Refusal, type Way } from './case.ts';
import { assertOneSafeLine, assertSafe } from './safe.ts';
import { ALL } from './slice.ts';
import { END, manifestFile, podContent, podFile } from './tar-bytes.ts';
import { GROUPS } from './tars.ts';
import { cataloguing, inserting, OBJECT_NAME, pushing, showing } from './ways.ts';

type Wrap = readonly [how: string, wrap: (tar: Buffer) => Buffer];

/** The ways to compress the case; the fast run takes zstd for every fourth. */
function wrapsOf({ kind }: ArchiveCase, position: number): readonly Wrap[] {
  const asItIs: Wrap = ['', (bytes) => bytes];
  const zstd: Wrap = [', in zstd', (tar) => zlib.zstdCompressSync(tar)];
  const gzip: Wrap = [', in gzip', (tar) => zlib.gzipSync(tar)];
  if (kind !== 'tar') return [asItIs];
  if (ALL) return [asItIs, zstd, gzip];
  return position % 4 === 0 ? [asItIs, zstd] : [asItIs];
}

describe('hostile archives', () => {
  let tree: CanaryTree;
  let untouched: string;
  const plant = async () => {
    const first = Buffer.concat([manifestFile('present'), podFile('present'), END]);
    tree = await CanaryTree.plant(async (fresh) => {
      const { refusal } = await inserting(await fresh.put('first', first), fresh.target);
      assert.equal(refusal, undefined);
    });
    untouched = await tree.fingerprint();
  };
  before(plant);
  after(() => tree.remove());

  for (const { title, cases } of GROUPS) {
    describe(title, () => {
      for (const [position, one] of cases.entries()) {
        if (one.slow && !ALL) continue;
        for (const [how, wrap] of wrapsOf(one, position)) {
          test(`${'lands' in one.verdict ? 'allows' : 'prevents'} ${one.name}${how}`, async () => {
            const compressed = one.kind === 'compressed' || how !== '';
            await check(one, wrap(await one.bytes()), { compressed });
          });
        }
      }
    });
  }

  async function check(one: ArchiveCase, bytes: Buffer, { compressed }: { compressed: boolean }): Promise<void> {
    const file = await tree.put('archive', bytes);
    const { verdict } = one;
    try {
      if ('lands' in verdict) await checkLands(one, verdict.lands, file, bytes);
      else await checkRefused(one, verdict, file, bytes, compressed);
    } finally {
      const [before, now] = [untouched, await tree.fingerprint()];
      if (now !== before) await plant(); // the next case shall not suffer for it
      assert.equal(now, before, 'nothing around the target has changed, nor in it');
    }
    assert.deepEqual(await tree.leftovers(), []);
  }

  async function checkRefused(
    one: ArchiveCase,
    verdict: Refusal & { unseenBy?: readonly Way[]; shown?: string },
    file: string,
    bytes: Buffer,
    compressed: boolean,
  ): Promise<void> {
    const isSeenBy = (way: Way) => !verdict.unseenBy?.includes(way);
    if (one.ways.includes('insert')) {
      assertRefusal((await inserting(file, tree.target)).refusal, verdict, file);
      const absent = tree.path('input/absent/target');
      await rm(absent, { recursive: true, force: true });
      assertRefusal((await inserting(file, absent)).refusal, verdict, file);
      assert.deepEqual(await listing(absent), []);
      assert.deepEqual(await tree.leftovers(absent), []);
    }
    if (one.ways.includes('show')) {
      const shown = await showing(file);
      const expected = { ...verdict, message: verdict.shown ?? verdict.message };
      if (isSeenBy('show') || compressed) assertRefusal(shown.refusal, expected, file);
      else assert.equal(shown.refusal, undefined);
      assertSafe(shown.text);
    }
    if (one.ways.includes('push')) {
      const { refusal, keys } = await pushing(file);
      assertRefusal(refusal, verdict, file);
      assert.deepEqual(keys, []);
    }
    if (one.ways.includes('catalogue')) {
      const { state, reason = '' } = await cataloguing(bytes);
      if (state === 'ready') assert.ok(!isSeenBy('catalogue') || compressed, 'the catalogue sees it');
      else {
        assert.equal(state, 'rejected');
        assert.ok(matchesRefusal(reason, verdict, OBJECT_NAME), reason);
        assertOneSafeLine(reason);
      }
    }
  }

  async function checkLands(
    one: ArchiveCase,
    sandboxIds: readonly string[],
    file: string,
    bytes: Buffer,
  ): Promise<void> {
    const landed = await CanaryTree.plant();
    try {
      const { refusal, warnings } = await inserting(file, landed.target);
      assert.equal(refusal, undefined, refusal?.message);
      for (const warning of warnings) assertOneSafeLine(warning);
      const pods = sandboxIds.map((sandboxId) => [`${sandboxId}.tar`, one.content ?? podContent(sandboxId)] as const);
      const files = one.files === undefined ? pods : Object.entries(one.files);
      const names = files.map(([name]) => name);
      const manifest = names.length > 0 && files === pods ? ['checkpointed.pods'] : []; // for nothing there is none
      const expected = [...names, ...manifest, 'd', 'linked', 'notes', 'run.sh'].sort();
      assert.deepEqual(await listing(landed.target), expected);
      for (const [name, content] of files) {
        const path = join(landed.target, name);
        const { mode, uid, isFile } = await inspect(path);
        assert.deepEqual([mode, uid, isFile], [0o600, process.geteuid?.(), true]);
        assert.ok((await readFile(path)).equals(Buffer.from(content)), `the content of ${name}`);
      }
      if (one.files !== undefined) {
        assert.equal((await inserting(file, landed.target, '--as', 'pods')).refusal, undefined);
        assert.deepEqual(
          await listing(landed.target),
          [...expected, ...sandboxIds.map((id) => `${id}.tar`), 'checkpointed.pods'].sort(),
        );
      }
    } finally {
      await landed.remove();
    }
    assert.equal((await showing(file)).refusal, undefined);
    if (one.ways.includes('push')) {
      const { refusal, keys } = await pushing(file);
      assert.equal(refusal, undefined, refusal?.message);
      assert.equal(keys.length, 1);
    }
    const { state, reason } = await cataloguing(bytes);
    assert.equal(state, 'ready', reason);
  }
});

function assertRefusal(refusal: PodfreightError | undefined, expected: Refusal, archive: string): void {
  assert.ok(refusal !== undefined, 'it is refused');
  assert.ok(isPodfreightError(refusal));
  assert.ok(matchesRefusal(refusal.message, expected, archive), `${refusal.code}: ${refusal.message}`);
  assert.equal(refusal.code, expected.code);
  assertOneSafeLine(refusal.message);
}

/** Names in a directory, ours aside; none when it is not there. */
async function listing(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => name !== '.podfreight').sort();
}

async function inspect(path: string) {
  const found = await stat(path);
  return { mode: found.mode & 0o7777, uid: found.uid, isFile: found.isFile() };
}
