import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ArchiveFormat } from '../../../core/archive/format.ts';
import type { PodSelector } from '../../../core/bundle/pod-selector.ts';
import { PodsArchive } from '../../../core/bundle/pods-archive.ts';
import { catalogueObject } from '../../../core/catalogue/catalogue-archive.ts';
import { PodfreightError } from '../../../core/errors.ts';
import type { ArchiveStore, Catalogue, ObjectLocation } from '../../../core/ports.ts';
import { rangeLength } from '../../../core/range.ts';
import { memoryCatalogue } from '../../memory/catalogue.ts';
import { VersionedArchiveStore } from '../../memory/versioned-archive-store.ts';
import { archiveOf, contentOf, incompressible, type TestPod } from '../catalogue/archives.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const at = (time: string) => new Date(`2026-11-22T${time}Z`);
const EARLIER: TestPod = { sandboxId: 'redis-1', name: 'my-redis', modifiedAt: at('13:20:00') };
const LATER: TestPod = { sandboxId: 'redis-2', name: 'my-redis', modifiedAt: at('13:30:00') };
const WEB: TestPod = { sandboxId: 'web-1', namespace: 'edge', name: 'web', content: incompressible(200_000) };
const BIG: TestPod = { sandboxId: 'big-1', name: 'big', content: incompressible(12_000_000) };

describe('PodsArchive', () => {
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
    const event = { ...location, versionId: store.write(location, bytes), sequencer: `00${pushes}` };
    await catalogueObject({ kind: 'created', ...event, at: '2026-11-22T13:20:05Z' }, { store, catalogue });
    return location;
  }
  const pushPods = async (pods: TestPod[], format?: ArchiveFormat) => push(await archiveOf(pods, format && { format }));
  const open = (selectors: PodSelector[], from: ArchiveStore = store) =>
    PodsArchive.open(selectors, { store: from, catalogue });

  async function contents(archive: PodsArchive, wanted?: ReadonlySet<string>): Promise<Record<string, string>> {
    const digests: Record<string, string> = {};
    for await (const { member, data } of archive.members(wanted)) {
      const hash = createHash('sha256');
      for await (const chunk of data) hash.update(chunk);
      digests[member.name] = hash.digest('hex');
    }
    return digests;
  }
  const expected = (...pods: TestPod[]) =>
    Object.fromEntries(
      pods.map((pod) => [`${pod.sandboxId}.tar`, createHash('sha256').update(contentOf(pod)).digest('hex')]),
    );

  it('is one archive of the newest checkpoints, from wherever they are', async () => {
    await pushPods([EARLIER, WEB]);
    await pushPods([BIG, LATER]);
    await using archive = await open([
      { cluster: 'prod', pod: 'edge/web' },
      { cluster: 'prod', pod: 'default/my-redis' },
    ]);

    const { manifest } = await archive.manifest();
    assert.deepEqual(
      manifest.pods?.map(({ sandboxId }) => sandboxId),
      ['redis-2', 'web-1'],
    );
    assert.deepEqual(await contents(archive), expected(LATER, WEB));
    assert.deepEqual(await contents(archive, new Set(['web-1.tar'])), expected(WEB));
    assert.deepEqual((await archive.layout())?.map(({ name }) => name).toSorted(), [
      'checkpointed.pods',
      'redis-2.tar',
      'web-1.tar',
    ]);
    assert.deepEqual([archive.verified, archive.format, archive.modifiedAt], [true, 'tar+zstd', at('13:30:00')]);
  });

  it('goes back to a time', async () => {
    await pushPods([EARLIER]);
    await pushPods([LATER]);
    await using archive = await open([{ cluster: 'prod', pod: 'default/my-redis', at: '2026-11-22T13:29:59Z' }]);
    assert.deepEqual(await contents(archive), expected(EARLIER));
  });

  it('reads of an archive what is wanted', async () => {
    await pushPods([BIG, WEB]);
    store.reads.length = 0;
    await using archive = await open([{ cluster: 'prod', pod: 'edge/web' }]);
    assert.deepEqual(await contents(archive), expected(WEB));
    const readBytes = store.reads.reduce((sum, range) => sum + rangeLength(range), 0);
    assert.ok(readBytes < 300_000, `${readBytes} bytes were read`);
  });

  it('fetches small archives while those before them are read', async () => {
    for (let i = 0; i < 5; i++) await pushPods([{ sandboxId: `pod-${i}`, content: incompressible(100_000) }]);
    let underWay = 0;
    let most = 0;
    const slow: ArchiveStore = {
      put: (...args) => store.put(...args),
      compose: (...args) => store.compose(...args),
      async open(location) {
        const source = await store.open(location);
        const read: typeof source.read = async (range) => {
          underWay += 1;
          most = Math.max(most, underWay);
          for (let turns = 0; most < 5 && turns < 1000; turns++) await setImmediate(); // until all are under way
          underWay -= 1;
          return await source.read(range);
        };
        return { ...source, read };
      },
    };
    await using archive = await open([{ cluster: 'prod' }], slow);
    most = 0;
    assert.equal(Object.keys(await contents(archive)).length, 5);
    assert.equal(most, 5);
  });

  it('takes archives from elsewhere by going through them', async () => {
    const { key } = await push(readFileSync(join(FIXTURES, 'node-a.tar.zst')));
    await pushPods([WEB]);
    await using archive = await open([
      { cluster: 'prod', pod: 'edge/web' },
      { cluster: 'prod', pod: 'default/counters' },
    ]);
    assert.deepEqual([archive.verified, archive.name], [false, `s3://archives/${key}`]);
    assert.equal(await archive.layout(), undefined);
    const { 'web-1.tar': web, ...others } = await contents(archive);
    assert.deepEqual({ 'web-1.tar': web }, expected(WEB));
    assert.equal(Object.keys(others).length, 1);
  });

  it('is plain where all of them are', async () => {
    await pushPods([WEB], 'tar');
    await pushPods([BIG]);
    await using plain = await open([{ cluster: 'prod', pod: 'edge/web' }]);
    await using both = await open([{ cluster: 'prod' }]);
    assert.deepEqual([plain.format, both.format], ['tar', 'tar+zstd']);
    assert.deepEqual(await contents(plain), expected(WEB));
  });

  it('names the pod that has no checkpoint', async () => {
    await pushPods([WEB]);
    const selectors = [
      { cluster: 'prod', pod: 'edge/web' },
      { cluster: 'prod', pod: 'edge/nobody' },
    ];
    await assert.rejects(open(selectors), (error: PodfreightError) => {
      assert.equal(error.code, 'not-found');
      assert.match(error.message, /edge\/nobody/);
      return true;
    });
  });

  it('takes only what was catalogued, and lets go of all it opened', async () => {
    const opened: string[] = [];
    const watched: ArchiveStore = {
      put: (...args) => store.put(...args),
      compose: (...args) => store.compose(...args),
      async open({ bucket, key }) {
        const source = await store.open({ bucket, key }); // as where no versions are kept
        opened.push(source.name);
        const close = async () => void opened.splice(opened.indexOf(source.name), 1);
        return { ...source, close };
      },
    };
    await pushPods([BIG]);
    const location = await pushPods([WEB]);
    const both = [{ cluster: 'prod' }];
    {
      await using _ = await open(both, watched);
      assert.equal(opened.length, 2);
    }
    assert.deepEqual(opened, []);

    store.write(location, await archiveOf([{ ...WEB, content: Buffer.from('another') }]));
    await assert.rejects(open(both, watched), { code: 'source-changed' });
    assert.deepEqual(opened, []);
    store.delete(location);
    await assert.rejects(open(both, watched), PodfreightError);
    assert.deepEqual(opened, []);
  });

  it('notices bytes that are not those that were pushed', async () => {
    const bytes = await archiveOf([WEB], { format: 'tar' });
    const location = { bucket: 'archives', key: 'prod/node-1/some-pods/20261122T132000Z.tar' };
    bytes[bytes.length >> 1]! ^= 1; // in the pod's file: cataloguing reads none of it
    const versionId = store.write(location, bytes);
    const event = { kind: 'created', ...location, versionId, sequencer: '001', at: '2026-11-22T13:20:05Z' } as const;
    await catalogueObject(event, { store, catalogue });
    await using archive = await open([{ cluster: 'prod', pod: 'edge/web' }]);
    await assert.rejects(contents(archive), { code: 'corrupt-archive' });
  });
});
