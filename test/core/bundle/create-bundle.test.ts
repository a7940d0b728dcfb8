import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import type { ArchiveFormat } from '../../../core/archive/format.ts';
import { type Archive, openArchive } from '../../../core/archive/reader.ts';
import { createBundle } from '../../../core/bundle/create-bundle.ts';
import type { PodSelector } from '../../../core/bundle/pod-selector.ts';
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
  const create = (...pods: PodSelector[]) => createBundle({ pods }, { store, catalogue, bucket: 'bundles' });

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
    const { created, bytesThrough, requests, ...described } = result;
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
    assert.deepEqual(again, { ...first, created: false, bytesThrough: 0, requests: 0 });
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

  it('rewrites the archives that cannot be copied, once', async () => {
    await pushPods([REDIS], 'tar');
    await pushPods([WEB], 'tar+gzip');
    await pushPods([COUNTERS]);
    const result = await create({ cluster: 'prod' });
    assert.equal(result.format, 'tar+zstd');
    assert.deepEqual(await contents(result.location), expected(REDIS, WEB, COUNTERS));
    const normalised = store.keys('bundles').filter((key) => key.startsWith('normalised/'));
    assert.equal(normalised.length, 2);

    store.put = async () => assert.fail('rewritten again');
    assert.equal((await create({ cluster: 'prod' })).created, false);
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
