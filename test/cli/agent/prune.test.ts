import assert from 'node:assert/strict';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { beyondKeep, type PruneRules, prune } from '../../../cli/agent/prune.ts';
import type { StoredFile } from '../../../cli/agent/state.ts';
import { fileVersion } from '../../../cli/file-version.ts';
import type { ArchiveRecord } from '../../../core/catalogue/records.ts';
import { PodfreightError } from '../../../core/errors.ts';
import type { ArchiveStore, Catalogue, ObjectSource } from '../../../core/ports.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

function stored(name: string, container: string, takenAt: number): StoredFile {
  const location = { bucket: 'archives', key: name };
  const file = { directory: '/x', name, version: 'v', digest: 'd', sizeBytes: 10 };
  return { ...file, container, takenAt, location, objectBytes: 77 };
}

test('the newest of each container stay, and the oldest go first', () => {
  const files = fc.array(fc.record({ container: fc.constantFrom('a', 'b', 'c'), takenAt: fc.nat(20) }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(files, fc.nat(4), (made, keep) => {
      const all = made.map(({ container, takenAt }, i) => stored(`${i}.tar`, container, takenAt));
      const gone = beyondKeep(all, keep);
      assert.deepEqual(
        gone.map(({ takenAt }) => takenAt),
        gone.map(({ takenAt }) => takenAt).sort((a, b) => a - b),
      );
      for (const container of ['a', 'b', 'c']) {
        const of = (list: readonly StoredFile[]) => list.filter((one) => one.container === container);
        const stay = of(all).filter((one) => !gone.includes(one));
        assert.equal(stay.length, Math.min(keep, of(all).length));
        for (const one of of(gone)) assert.ok(stay.every(({ takenAt }) => takenAt >= one.takenAt));
      }
    }),
  );
});

interface World {
  /** In the catalogue; absent: nothing. */
  readonly record?: Partial<ArchiveRecord>;
  /** In S3; absent: nothing. */
  readonly objectBytes?: number;
  readonly rules?: PruneRules;
  /** Between shipping and pruning. */
  readonly meanwhile?: (path: string) => Promise<void>;
}

const SAFE: World = { record: { state: 'ready' }, objectBytes: 77 };

async function left(t: TestContext, world: World) {
  const directory = await temporaryFolder(t);
  const path = join(directory, 'a.tar');
  await writeFile(path, 'archive');
  const file = { ...stored('a.tar', 'c', 1), directory, version: fileVersion(path)!.version };
  await world.meanwhile?.(path);
  const said: string[] = [];
  const catalogue = {
    archive: async () => world.record && { location: file.location, sequencer: '', at: '', ...world.record },
  } as unknown as Catalogue;
  const store = {
    open: async ({ key }: { key: string }) => {
      if (world.objectBytes === undefined) throw new PodfreightError('not-found', 'gone', { subject: { key } });
      return { sizeBytes: world.objectBytes, close: async () => {} } as ObjectSource;
    },
  } as unknown as ArchiveStore;
  await prune(directory, [file], {
    ...{ catalogue, store, signal: new AbortController().signal, rules: world.rules ?? { keep: 0 } },
    onRemoved: (_, why) => said.push(why),
    onRejected: (_, reason) => said.push(reason),
  });
  return { names: await readdir(directory), said };
}

test('allows the removal of what S3 and the catalogue have', async (t) => {
  assert.deepEqual(await left(t, SAFE), { names: [], said: ['keep'] });
});

const STAYS = { names: ['a.tar'], said: [] };

test('prevents it when the catalogue does not know the archive, has rejected or deleted it', async (t) => {
  assert.deepEqual(await left(t, { objectBytes: 77 }), STAYS);
  assert.deepEqual(await left(t, { ...SAFE, record: { state: 'deleted' } }), STAYS);
  const record = { state: 'rejected', reason: 'no tar' } as const;
  assert.deepEqual(await left(t, { ...SAFE, record }), { ...STAYS, said: ['no tar'] });
});

test('prevents it when S3 has no object any more, or another one', async (t) => {
  assert.deepEqual(await left(t, { record: { state: 'ready' } }), STAYS);
  assert.deepEqual(await left(t, { ...SAFE, objectBytes: 78 }), STAYS);
});

test('prevents it when the file is not the one that was shipped', async (t) => {
  const overwritten = async (path: string) => {
    await writeFile(path, 'ARCHIVE');
    await utimes(path, new Date(0), new Date(0));
  };
  assert.deepEqual(await left(t, { ...SAFE, meanwhile: overwritten }), STAYS);
});

test('what is kept goes only when too little is free', async (t) => {
  assert.deepEqual(await left(t, { ...SAFE, rules: { keep: 1 } }), STAYS);
  assert.deepEqual(await left(t, { ...SAFE, rules: { keep: 1, minFree: { bytes: 1 } } }), STAYS);
  const rules = { keep: 1, minFree: { bytes: 2 ** 60 } };
  assert.deepEqual(await left(t, { ...SAFE, rules }), { names: [], said: ['min-free'] });
});
