import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import type { ArchiveFormat } from '../../../core/archive/format.ts';
import { type Archive, openArchive } from '../../../core/archive/reader.ts';
import { createBundle } from '../../../core/bundle/create-bundle.ts';
import type { PodSelector } from '../../../core/bundle/pod-selector.ts';
import type { BundleForecast, BundleRequest, BundleResult, UnfinishedBundle } from '../../../core/bundle/request.ts';
import type { BundleContext } from '../../../core/bundle/work.ts';
import { catalogueObject } from '../../../core/catalogue/catalogue-archive.ts';
import { PodfreightError } from '../../../core/errors.ts';
import type { Catalogue, ObjectLocation } from '../../../core/ports.ts';
import { memoryCatalogue } from '../../memory/catalogue.ts';
import { VersionedArchiveStore } from '../../memory/versioned-archive-store.ts';
import { archiveOf, contentOf, incompressible, manifestOf, type TestPod } from '../catalogue/archives.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const REDIS: TestPod = { sandboxId: 'redis-1', name: 'my-redis' };
const WEB: TestPod = { sandboxId: 'web-1', namespace: 'edge', name: 'web', content: Buffer.alloc(7_000_000, 'web') };
const COUNTERS: TestPod = { sandboxId: 'counters-1', name: 'counters', content: incompressible(12_000_000) };

describe('createBundle', () => {
  let store: VersionedArchiveStore;
  let catalogue: Catalogue;
  let pushes: number;
  beforeEach(() => {
    store = new VersionedArchiveStore();
    catalogue = memoryCatalogue();
    pushes = 0;
  });

  async function push(bytes: Uint8Array): Promise<ObjectLocation> {
    pushes += 1;
    const location = { bucket: 'archives', key: `prod/node-${pushes}/some-pods/20261122T132000Z.tar.zst` };
    const versionId = store.write(location, bytes);
    const sequencer = `00${pushes}`;
    await catalogueObject(
      { kind: 'created', ...location, versionId, sequencer, at: '2026-11-22T13:20:05Z' },
      { store, catalogue },
    );
    return location;
  }
  const pushPods = async (pods: TestPod[], format?: ArchiveFormat) =>
    push(await archiveOf(pods, { ...(format !== undefined && { format }) }));
  const ask = (request: BundleRequest, context: Partial<BundleContext> = {}) =>
    createBundle(request, {
      store,
      catalogue,
      bucket: 'bundles',
      requests: () => ({ s3: 0, dynamodb: 0 }),
      remainingMs: () => 900_000,
      ...context,
    });
  const create = async (...pods: PodSelector[]): Promise<BundleResult> => {
    const answer = await ask({ pods });
    assert.equal(answer.state, 'ready');
    return answer as BundleResult;
  };
  const foretell = async (...pods: PodSelector[]): Promise<BundleForecast> => {
    const answer = await ask({ pods, dryRun: true });
    assert.equal(answer.state, 'planned');
    return answer as BundleForecast;
  };

  async function contents(location: ObjectLocation): Promise<Record<string, string>> {
    const archive = await openArchive(await store.open(location));
    assert.equal(archive.verified, true);
    return digestsOf(archive);
  }
  const expected = (...pods: TestPod[]) =>
    Object.fromEntries(pods.map((pod) => [pod.sandboxId, createHash('sha256').update(contentOf(pod)).digest('hex')]));

  it('makes one archive of pods from several, and catalogues it', async () => {
    await pushPods([REDIS, WEB]);
    await pushPods([COUNTERS]);
    const result = await create({ cluster: 'prod' });

    assert.equal(result.created, true);
    assert.equal(result.format, 'tar+zstd');
    assert.deepEqual(result.location, { bucket: 'bundles', key: `${result.bundleId}.tar.zst` });
    assert.match(result.bundleId, /^[0-9a-f]{32}$/);
    assert.deepEqual(await contents(result.location), expected(REDIS, WEB, COUNTERS));
    assert.deepEqual(result.pods[0], {
      sandboxId: 'counters-1',
      name: 'counters',
      namespace: 'default',
      checkpointedAt: '2026-11-22T13:20:00Z',
      sizeBytes: 12_000_000,
      origin: { cluster: 'prod', node: 'node-2' },
    });
    assert.deepEqual(
      result.pods.map(({ sandboxId }) => sandboxId),
      ['counters-1', 'redis-1', 'web-1'],
    );
    const object = await store.open(result.location);
    assert.equal(object.etag, result.etag);
    assert.equal(object.sizeBytes, result.sizeBytes);
    const { manifest } = await (await openArchive(object)).manifest();
    assert.deepEqual(
      manifest.pods?.map(({ namespace, name }) => `${namespace}/${name}`),
      ['default/counters', 'default/my-redis', 'edge/web'],
    );
    assert.ok(result.bytesThrough < result.sizeBytes, `${result.bytesThrough} of ${result.sizeBytes} passed through`);
    assert.ok(result.bytesCopied > 6_000_000, `${result.bytesCopied} copied`);
    assert.deepEqual(result.rewritten, []);
    const { state, created, parts, bytesCopied, bytesThrough, requests, rewritten, ...described } = result;
    assert.deepEqual(await catalogue.bundle(result.bundleId), { ...described, createdAt: '2026-11-22T16:00:00Z' });
  });

  it('takes just the pods asked for', async () => {
    await pushPods([REDIS, WEB, COUNTERS]);
    const result = await create({ cluster: 'prod', pod: 'default/my-redis' }, { sandboxId: 'web-1' });
    assert.deepEqual(await contents(result.location), expected(REDIS, WEB));
  });

  it('answers with the same bundle when asked again, in whatever words', async () => {
    await pushPods([REDIS, WEB]);
    await pushPods([COUNTERS]);
    const first = await create({ cluster: 'prod' });
    store.now = new Date('2026-11-23T00:00:00Z');
    const again = await create({ sandboxId: 'web-1' }, { cluster: 'prod', namespace: 'default' });
    assert.deepEqual(again, { ...first, created: false, parts: 0, bytesCopied: 0, bytesThrough: 0 });
    assert.deepEqual(store.keys('bundles'), [first.location.key]);
  });

  it('gives two at once the same bundle', async () => {
    await pushPods([REDIS]);
    const [one, two] = await Promise.all([create({ cluster: 'prod' }), create({ cluster: 'prod' })]);
    assert.equal(one.bundleId, two.bundleId);
    assert.deepEqual([one.created, two.created].sort(), [false, true]);
  });

  it('catalogues a bundle whose making ended between storing and cataloguing', async () => {
    await pushPods([REDIS]);
    const { recordBundle } = catalogue;
    catalogue.recordBundle = async () => {
      throw new PodfreightError('service', 'Not now.');
    };
    await assert.rejects(create({ cluster: 'prod' }), { code: 'service' });
    assert.equal(store.keys('bundles').length, 1);
    catalogue.recordBundle = recordBundle;
    const { created, bundleId } = await create({ cluster: 'prod' });
    assert.equal(created, false);
    assert.equal((await catalogue.bundle(bundleId))?.bundleId, bundleId);
  });

  it('makes a bundle again that was removed', async () => {
    await pushPods([REDIS]);
    const first = await create({ cluster: 'prod' });
    store.delete(first.location);
    const again = await create({ cluster: 'prod' });
    assert.equal(again.created, true);
    assert.deepEqual(await contents(again.location), expected(REDIS));
  });

  it('stays plain when all archives are plain', async () => {
    await pushPods([REDIS, WEB], 'tar');
    await pushPods([COUNTERS], 'tar');
    const result = await create({ cluster: 'prod' });
    assert.equal(result.format, 'tar');
    assert.equal(result.location.key, `${result.bundleId}.tar`);
    assert.deepEqual(await contents(result.location), expected(REDIS, WEB, COUNTERS));
  });

  it('rewrites the archives that cannot be copied, once, and says why', async () => {
    const plain = await pushPods([REDIS], 'tar');
    const gzip = await pushPods([WEB], 'tar+gzip');
    await pushPods([COUNTERS]);
    const result = await create({ cluster: 'prod' });
    assert.equal(result.format, 'tar+zstd');
    assert.deepEqual(await contents(result.location), expected(REDIS, WEB, COUNTERS));
    const normalised = store.keys('bundles').filter((key) => key.startsWith('normalised/'));
    assert.equal(normalised.length, 2);
    const why = result.rewritten.map(({ archive, reason }) => [archive, reason]);
    assert.deepEqual(why, [
      [`s3://archives/${plain.key}`, 'is plain where most bytes are in zstd'],
      [`s3://archives/${gzip.key}`, 'is packed with gzip'],
    ]);
    for (const { bytesRead, bytesWritten } of result.rewritten) assert.ok(bytesRead > 0 && bytesWritten > 0);

    store.put = async () => assert.fail('rewritten again');
    const again = await create({ cluster: 'prod' });
    assert.equal(again.created, false);
    assert.deepEqual(
      again.rewritten,
      result.rewritten.map((one) => ({ ...one, bytesRead: 0, bytesWritten: 0 })),
    );
  });

  it('becomes plain when most bytes are', async () => {
    await pushPods([COUNTERS], 'tar');
    const zstd = await pushPods([REDIS]);
    const result = await create({ cluster: 'prod' });
    assert.equal(result.format, 'tar');
    assert.deepEqual(await contents(result.location), expected(REDIS, COUNTERS));
    assert.deepEqual(
      result.rewritten.map(({ archive, reason }) => [archive, reason]),
      [[`s3://archives/${zstd.key}`, 'is in zstd where most bytes are plain']],
    );
    assert.ok(result.bytesThrough < 6_000_000);
  });

  it('foretells what it does, and makes nothing', async () => {
    await pushPods([REDIS, WEB]);
    await pushPods([COUNTERS]);
    let s3 = 0;
    const open = store.open.bind(store);
    store.open = async (location) => {
      s3 += 1;
      return open(location);
    };
    const forecast = await foretell({ cluster: 'prod' });
    assert.deepEqual(store.keys('bundles'), []);
    assert.deepEqual((await catalogue.bundles({ limit: 10 })).items, []);
    const result = await create({ cluster: 'prod' });
    const { exact, there, sources, parts, state: planned, requests: foretold, ...rest } = forecast;
    assert.deepEqual([exact, there, sources, parts.copied + parts.uploaded], [true, false, 2, result.parts]);
    const { state, created, location, etag, parts: made, requests, ...same } = result;
    assert.deepEqual(rest, same);
    assert.ok(s3 > 0 && foretold.s3 > 0);

    const again = await foretell({ cluster: 'prod' });
    assert.deepEqual([again.there, again.bytesCopied, again.bytesThrough], [true, 0, 0]);
  });

  it('foretells roughly where archives have to be rewritten, and exactly when they have been', async () => {
    await pushPods([WEB], 'tar+gzip');
    await pushPods([COUNTERS]);
    const guess = await foretell({ cluster: 'prod' });
    assert.deepEqual([guess.exact, guess.there, guess.bundleId, guess.rewritten.length], [false, false, undefined, 1]);
    assert.deepEqual(store.keys('bundles'), []);
    const result = await create({ cluster: 'prod' });
    const ratio = guess.sizeBytes / result.sizeBytes;
    assert.ok(ratio > 0.9 && ratio < 1.1, `${guess.sizeBytes} guessed, ${result.sizeBytes} made`);
    store.delete(result.location);
    const forecast = await foretell({ cluster: 'prod' });
    assert.deepEqual([forecast.exact, forecast.bundleId], [true, result.bundleId]);

    await pushPods([{ sandboxId: 'only-1', name: 'only', namespace: 'alone' }], 'tar+gzip');
    assert.equal((await foretell({ cluster: 'prod', namespace: 'alone' })).exact, false);
  });

  describe('out of time', () => {
    /** Composing that waits until it is paused. */
    function slowCopies(): () => void {
      const compose = store.compose.bind(store);
      store.compose = async (location, plan, sources, options) => {
        options?.onProgress?.(1000);
        if (options?.pause?.aborted === false) {
          await new Promise((resolve) => options.pause?.addEventListener('abort', resolve, { once: true }));
        }
        return compose(location, plan, sources, options);
      };
      return () => {
        store.compose = compose;
      };
    }

    it('answers how far copying is, and goes on with the same pods', async () => {
      await pushPods([REDIS, WEB]);
      await pushPods([COUNTERS]);
      const hurry = slowCopies();
      const answer = await ask({ pods: [{ cluster: 'prod' }] }, { remainingMs: () => 100_000 });
      assert.equal(answer.state, 'unfinished');
      const { asOf, progress } = answer as UnfinishedBundle;
      assert.equal(progress.step, 'copying');
      assert.ok(progress.doneBytes > 0 && progress.totalBytes > 12_000_000);
      assert.deepEqual((await catalogue.bundles({ limit: 1 })).items, []);

      hurry();
      store.now = new Date('2026-11-22T17:00:00Z');
      await pushPods([{ sandboxId: 'counters-2', name: 'counters', modifiedAt: new Date('2026-11-22T16:30:00Z') }]);
      const result = (await ask({ pods: [{ cluster: 'prod' }], asOf })) as BundleResult;
      assert.equal(result.state, 'ready');
      assert.deepEqual(await contents(result.location), expected(REDIS, WEB, COUNTERS));
    });

    /** Time that passes while an archive is rewritten, and for good. */
    function slowRewriting(ms: number): () => number {
      let remaining = 900_000;
      const put = store.put.bind(store);
      store.put = async (...args) => {
        remaining -= ms;
        return put(...args);
      };
      return () => remaining;
    }

    it('answers after the archive at hand, and goes on with the next', async () => {
      const pods = [REDIS, WEB, COUNTERS];
      for (const pod of pods) await pushPods([pod], 'tar+gzip');
      const progresses: number[] = [];
      for (const _ of pods.slice(1)) {
        const answer = await ask({ pods: [{ cluster: 'prod' }] }, { remainingMs: slowRewriting(121_000) });
        assert.equal(answer.state, 'unfinished');
        const { progress, rewritten } = answer as UnfinishedBundle;
        assert.equal(progress.step, 'rewriting');
        assert.equal(rewritten.filter(({ bytesRead }) => bytesRead > 0).length, 1);
        progresses.push(progress.doneBytes / progress.totalBytes);
      }
      const [first, second] = progresses;
      assert.ok(0 < first! && first! < second! && second! < 1, `${progresses}`);
      const result = await create({ cluster: 'prod' });
      assert.deepEqual(await contents(result.location), expected(...pods));
    });

    it('refuses an archive that takes longer than a call may work', async () => {
      const location = await pushPods([WEB], 'tar+gzip');
      const put = store.put.bind(store);
      store.put = async (target, body, options) => {
        const { signal } = options;
        if (!signal?.aborted)
          await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
        return put(target, body, options);
      };
      await assert.rejects(ask({ pods: [{ cluster: 'prod' }] }, { remainingMs: () => 20_050 }), {
        code: 'unsupported',
        message: new RegExp(location.key),
      });
      assert.deepEqual(store.keys('bundles'), []);
    });
  });

  it('holds 10,000 pods, of which the catalogue lists the first', async () => {
    for (let node = 0; node < 10; node++) {
      const pods = Array.from({ length: 1000 }, (_, i) => ({ sandboxId: `s-${node}-${String(i).padStart(4, '0')}` }));
      await pushPods(pods, 'tar');
    }
    const result = await create({ cluster: 'prod' });
    assert.deepEqual([result.podCount, result.pods.length], [10_000, 10_000]);
    assert.ok(Buffer.byteLength(JSON.stringify(result)) < 6_000_000);
    const recorded = await catalogue.bundle(result.bundleId);
    assert.equal(recorded?.podCount, 10_000);
    assert.deepEqual(recorded?.pods, result.pods.slice(0, recorded?.pods.length));
    assert.ok(recorded!.pods.length > 100 && Buffer.byteLength(JSON.stringify(recorded)) < 40_000);
    const { manifest } = await (await openArchive(await store.open(result.location))).manifest();
    assert.equal(manifest.pods?.length, 10_000);
  });

  it('merges what the old checkpointctl wrote', async () => {
    await push(readFileSync(join(FIXTURES, 'node-a.tar.zst')));
    await push(readFileSync(join(FIXTURES, 'node-b.tar.zst')));
    const result = await create({ cluster: 'prod', namespace: 'default' });
    assert.deepEqual(
      result.pods.map(({ name }) => name),
      ['counters', 'my-redis'],
    );
    const originals = await Promise.all(['node-a', 'node-b'].map(contentsOfFixture));
    const all: Record<string, string> = Object.assign({}, ...originals);
    for (const [sandboxId, digest] of Object.entries(await contents(result.location))) {
      assert.equal(digest, all[sandboxId]);
    }
  });

  it('refuses an archive that is another than was catalogued, or gone', async () => {
    const location = await pushPods([REDIS]);
    const open = store.open.bind(store);
    store.open = async (wanted) => {
      const source = await open(wanted);
      return wanted.bucket === 'archives' ? { ...source, etag: '"another"' } : source;
    };
    await assert.rejects(create({ cluster: 'prod' }), { code: 'source-changed', message: new RegExp(location.key) });
    store.open = open;
    store.delete({ ...location, versionId: 'v1' });
    await assert.rejects(create({ cluster: 'prod' }), { code: 'not-found', message: new RegExp(location.key) });
    assert.deepEqual(store.keys('bundles'), []);
  });

  it('refuses a pod that an archive names but does not hold', async () => {
    const manifest = manifestOf([REDIS, { sandboxId: 'missing-1' }]);
    const location = await push(await archiveOf([REDIS], { format: 'tar+gzip', manifest }));
    assert.equal((await catalogue.archive(location))?.state, 'ready');
    await assert.rejects(create({ cluster: 'prod' }), { code: 'invalid-archive', message: /missing-1/ });
    assert.deepEqual(store.keys('bundles'), []);
  });

  async function contentsOfFixture(name: string): Promise<Record<string, string>> {
    const location = { bucket: 'fixtures', key: name };
    store.write(location, readFileSync(join(FIXTURES, `${name}.tar.zst`)));
    return digestsOf(await openArchive(await store.open(location)));
  }
});

/** SandboxID → SHA-256, after reading and checking all of it. */
async function digestsOf(archive: Archive): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for await (const { member, data } of archive.members()) {
    const hash = createHash('sha256');
    for await (const chunk of data) hash.update(chunk);
    digests[member.name.replace('.tar', '')] = hash.digest('hex');
  }
  return digests;
}
