import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type {
  ArchiveRecord,
  BundleRecord,
  ContainerRecord,
  Page,
  PageRequest,
  PodQuery,
  PodRecord,
  PodScope,
} from '../../core/catalogue/records.ts';
import { isPodfreightError } from '../../core/errors.ts';
import type { Catalogue } from '../../core/ports.ts';

let keys = 0;

/** An object of its own for each test: they share one table. */
export function newLocation() {
  keys += 1;
  return { bucket: 'archives', key: `prod/node-${keys}/sandbox-${keys}/20261122T132000Z.tar.zst` };
}

export function archiveRecord(overrides: Partial<ArchiveRecord> = {}): ArchiveRecord {
  return {
    location: newLocation(),
    state: 'ready',
    etag: '"e1"',
    sizeBytes: 1000,
    format: 'tar+zstd',
    indexed: true,
    origin: { cluster: 'prod', node: 'node-1' },
    podCount: 1,
    sequencer: '0010',
    at: '2026-11-22T13:20:05Z',
    ...overrides,
  };
}

export function podRecord({ location, etag = '"e1"' }: ArchiveRecord, overrides: Partial<PodRecord> = {}): PodRecord {
  return {
    sandboxId: 'sandbox-1',
    name: 'my-redis',
    namespace: 'default',
    uid: 'c0ffee',
    origin: { cluster: 'prod', node: 'node-1' },
    containers: [{ name: 'redis', id: 'c1', image: 'docker.io/library/redis:7' }],
    checkpointedAt: '2026-11-22T13:20:00Z',
    storedAt: '2026-11-22T13:21:00Z',
    sizeBytes: 500,
    sha256: 'ab'.repeat(32),
    archive: { ...location, etag },
    ...overrides,
  };
}

/** Of a container that came as an archive of its own. */
export function containerRecord(overrides: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    name: 'redis',
    id: 'c1',
    image: 'docker.io/library/redis:7',
    imageDigest: `sha256:${'0'.repeat(64)}`,
    engine: 'cri-o',
    runtime: 'runc',
    createdAt: '2026-11-22T13:00:00.000Z',
    checkpointedAt: '2026-11-22T13:20:00.123Z',
    file: 'checkpoint-my-redis_default-redis-2026-11-22T13:20:00Z.tar',
    format: 'tar',
    sizeBytes: 400,
    checkpointBytes: 300,
    rootfsDiffBytes: 0,
    sha256: 'cd'.repeat(32),
    ...overrides,
  };
}

function bundleRecord(overrides: Partial<BundleRecord> = {}): BundleRecord {
  keys += 1;
  const bundleId = String(keys).padStart(32, '0');
  return {
    bundleId,
    location: { bucket: 'bundles', key: `${bundleId}.tar.zst` },
    etag: '"b1"',
    sizeBytes: 2000,
    format: 'tar+zstd',
    createdAt: '2026-11-22T14:00:00Z',
    podCount: 0,
    pods: [],
    ...overrides,
  };
}

async function all<T>(list: (page: PageRequest) => Promise<Page<T>>, page: Partial<PageRequest> = {}): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const answer = await list({ limit: 2, ...page, ...(cursor !== undefined && { cursor }) });
    assert.ok(answer.items.length <= (page.limit ?? 2));
    items.push(...answer.items);
    cursor = answer.cursor;
  } while (cursor !== undefined);
  return items;
}

/** What every {@link Catalogue} does. `open` is called once. */
export function catalogueContract(name: string, open: () => Promise<Catalogue> | Catalogue): void {
  describe(`catalogue: ${name}`, () => {
    let catalogue: Catalogue;
    before(async () => {
      catalogue = await open();
    });
    const pods = (query: PodQuery, page?: Partial<PageRequest>) => all((p) => catalogue.pods(query, p), page);
    const podsOf = (archive: ArchiveRecord) => all((p) => catalogue.podsOf(archive.location, p));

    it('gives back an archive and its pods as they were recorded', async () => {
      const archive = archiveRecord({ location: { ...newLocation(), versionId: 'v1' }, podCount: 3 });
      const recorded = ['c', 'a', 'b'].map((id) => podRecord(archive, { sandboxId: `${id}-of-${keys}` }));
      assert.equal(await catalogue.record(archive, recorded), true);
      assert.deepEqual(await catalogue.archive(archive.location), archive);
      assert.deepEqual(
        await podsOf(archive),
        recorded.toSorted((a, b) => (a.sandboxId < b.sandboxId ? -1 : 1)),
      );
    });

    it('knows nothing of what was not recorded', async () => {
      assert.equal(await catalogue.archive(newLocation()), undefined);
      assert.deepEqual(await catalogue.podsOf(newLocation(), { limit: 5 }), { items: [] });
      assert.deepEqual(await pods({ by: 'sandbox', sandboxId: 'nobody' }), []);
      assert.equal(await catalogue.bundle('f'.repeat(32)), undefined);
    });

    it('finds a pod by name, namespace, node, cluster and SandboxID', async () => {
      const archive = archiveRecord();
      const cluster = `cluster-${keys}`;
      const found = podRecord(archive, { sandboxId: `found-${keys}`, origin: { cluster, node: 'n1' } });
      const other = podRecord(archive, {
        sandboxId: `other-${keys}`,
        origin: { cluster, node: 'n2' },
        namespace: 'kube-system',
        name: 'dns',
      });
      await catalogue.record(archive, [found, other]);
      const queries: PodQuery[] = [
        { by: 'pod', cluster, namespace: 'default', name: 'my-redis' },
        { by: 'namespace', cluster, namespace: 'default' },
        { by: 'node', cluster, node: 'n1' },
        { by: 'sandbox', sandboxId: found.sandboxId },
      ];
      for (const query of queries) assert.deepEqual(await pods(query), [found], JSON.stringify(query));
      assert.equal((await pods({ by: 'cluster', cluster })).length, 2);
      assert.deepEqual(await pods({ by: 'pod', cluster: 'elsewhere', namespace: 'default', name: 'my-redis' }), []);
    });

    it('finds each container by image, digest, engine and runtime, in all clusters, in one, in a namespace and on a node', async () => {
      const archive = archiveRecord();
      const cluster = `containers-${keys}`;
      const digest = `sha256:${String(keys).padStart(64, 'a')}`;
      const app = containerRecord({ name: 'app', image: `registry.example/app:${keys}`, imageDigest: digest });
      const twin = { ...app, name: 'twin', runtime: 'crun' };
      const old = { name: 'old', id: 'c3', image: `app@${digest}` };
      const pinned = { name: 'pinned', id: 'c4', image: digest };
      const unnamed = { name: 'unnamed', id: 'c5', image: '' };
      const here = podRecord(archive, {
        sandboxId: `here-${keys}`,
        origin: { cluster, node: 'n1' },
        containers: [app, twin, old, pinned, unnamed],
      });
      const there = podRecord(archive, {
        sandboxId: `there-${keys}`,
        origin: { cluster, node: 'n2' },
        namespace: 'kube-system',
        checkpointedAt: '2026-11-22T13:19:59Z',
        containers: [app],
      });
      await catalogue.record(archive, [there, here]);
      const found = async (fact: 'image' | 'digest' | 'engine' | 'runtime', value: string, within?: PodScope) => {
        const records = await pods({ by: 'container', fact, value, within } as PodQuery);
        for (const { containers, ...record } of records) {
          const { containers: all, ...pod } = record.sandboxId === here.sandboxId ? here : there;
          assert.deepEqual(record, pod);
          assert.deepEqual(
            containers,
            all.filter(({ name }) => name === containers[0]?.name),
          );
        }
        return records.map(({ origin, containers }) => `${origin.node}/${containers[0]?.name}`).sort();
      };
      const all: PodScope = { by: 'cluster', cluster };
      const n1: PodScope = { by: 'node', cluster, node: 'n1' };
      const n2: PodScope = { by: 'node', cluster, node: 'n2' };
      const kube: PodScope = { by: 'namespace', cluster, namespace: 'kube-system' };
      for (const within of [undefined, all]) {
        assert.deepEqual(await found('image', app.image, within), ['n1/app', 'n1/twin', 'n2/app']);
        const withDigest = ['n1/app', 'n1/old', 'n1/pinned', 'n1/twin', 'n2/app'];
        assert.deepEqual(await found('digest', digest, within), withDigest);
      }
      assert.deepEqual(await found('image', old.image), ['n1/old']);
      assert.deepEqual(await found('engine', 'cri-o', all), ['n1/app', 'n1/twin', 'n2/app']);
      assert.deepEqual(await found('engine', 'cri-o', n1), ['n1/app', 'n1/twin']);
      assert.deepEqual(await found('engine', 'cri-o', kube), ['n2/app']);
      assert.deepEqual(await found('runtime', 'crun', all), ['n1/twin']);
      assert.deepEqual(await found('runtime', 'crun', n2), []);
      assert.deepEqual(await found('image', app.image, n2), ['n2/app']);
      assert.deepEqual(await found('digest', digest, kube), ['n2/app']);
      assert.deepEqual(await found('engine', 'podman', all), []);
      assert.deepEqual(await found('engine', app.image, all), []);
      assert.equal((await pods(all)).length, 2);
    });

    it('keeps containers apart that are named like places', async () => {
      const archive = archiveRecord();
      const cluster = `places-${keys}`;
      const inPod = podRecord(archive, {
        sandboxId: `one-${keys}`,
        origin: { cluster, node: 'n1' },
        containers: [{ name: 'a', id: 'b', image: 'n2/app' }],
      });
      await catalogue.record(archive, [inPod]);
      const query: PodQuery = { by: 'container', fact: 'image', value: 'app', within: { by: 'cluster', cluster } };
      assert.deepEqual(await pods(query), []);
      assert.deepEqual(await pods({ ...query, within: { by: 'node', cluster, node: 'n2' } }), []);
      assert.deepEqual(await pods({ ...query, within: { by: 'node', cluster: `${cluster}/n1`, node: 'n2' } }), []);
      assert.deepEqual(await pods({ ...query, value: `${cluster}/n1/n2/app`, within: undefined } as never), []);
      assert.equal((await pods({ ...query, value: 'n2/app' })).length, 1);
    });

    it('keeps names with slashes apart', async () => {
      const archive = archiveRecord();
      const cluster = `slashes-${keys}`;
      const origin = { cluster, node: 'n1' };
      const one = podRecord(archive, { sandboxId: `one-${keys}`, origin, namespace: 'a/b', name: 'c' });
      const two = podRecord(archive, { sandboxId: `two-${keys}`, origin, namespace: 'a', name: 'b/c' });
      await catalogue.record(archive, [one, two]);
      assert.deepEqual(await pods({ by: 'pod', cluster, namespace: 'a/b', name: 'c' }), [one]);
      assert.deepEqual(await pods({ by: 'pod', cluster, namespace: 'a', name: 'b/c' }), [two]);
    });

    it('lists newest first, page by page, between since and until', async () => {
      const cluster = `paged-${keys}`;
      const times = ['10:00:00', '10:00:01', '10:00:02', '10:00:03', '10:00:04', '10:00:04'];
      for (const [i, time] of times.entries()) {
        const archive = archiveRecord();
        const checkpointedAt = `2026-11-22T${time}Z`;
        await catalogue.record(archive, [
          podRecord(archive, { sandboxId: `s${i}`, origin: { cluster, node: 'n' }, checkpointedAt }),
        ]);
      }
      const list = async (page: Partial<PageRequest>) =>
        (await pods({ by: 'cluster', cluster }, page)).map(({ sandboxId }) => sandboxId).join(' ');
      for (const limit of [1, 2, 3, 6, 100]) assert.equal(await list({ limit }), 's5 s4 s3 s2 s1 s0');
      assert.equal(await list({ since: '2026-11-22T10:00:02Z' }), 's5 s4 s3 s2');
      assert.equal(await list({ since: '2026-11-22T10:00:02.001Z' }), 's5 s4 s3');
      assert.equal(await list({ until: '2026-11-22T10:00:01Z' }), 's1 s0');
      assert.equal(await list({ until: '2026-11-22T10:00:01.999Z' }), 's1 s0');
      assert.equal(
        await list({ since: '2026-11-22T11:00:01+01:00', until: '2026-11-22T10:00:03Z', limit: 1 }),
        's3 s2 s1',
      );
      assert.equal(await list({ since: '2026-11-23T00:00:00Z' }), '');
      assert.equal(await list({ since: '2026-11-22T10:00:03Z', until: '2026-11-22T10:00:01Z' }), '');
    });

    it('refuses a page that makes no sense, and a cursor of another listing', async () => {
      const archive = archiveRecord();
      const cluster = `cursors-${keys}`;
      const origin = { cluster, node: 'n' };
      const three = [1, 2, 3].map((i) => podRecord(archive, { sandboxId: `c${i}-${keys}`, origin }));
      await catalogue.record(archive, three);
      const { cursor } = await catalogue.pods({ by: 'cluster', cluster }, { limit: 1 });
      assert.ok(cursor);
      const requests: PageRequest[] = [
        { limit: 0 },
        { limit: 1.5 },
        { limit: 1001 },
        { limit: 1, since: 'yesterday' },
        { limit: 1, until: '2026-11-22' },
        { limit: 1, cursor: 'nonsense' },
        { limit: 1, cursor: '' },
        { limit: 1, cursor, since: '2020-01-01T00:00:00Z' },
      ];
      for (const request of requests) {
        await assert.rejects(
          catalogue.pods({ by: 'cluster', cluster }, request),
          (error) => isPodfreightError(error, 'usage'),
          JSON.stringify(request),
        );
      }
      await assert.rejects(catalogue.pods({ by: 'node', cluster, node: 'n' }, { limit: 1, cursor }), { code: 'usage' });
    });

    it('changes nothing when the same event comes again', async () => {
      const archive = archiveRecord();
      const pod = podRecord(archive, { sandboxId: `again-${keys}` });
      for (let i = 0; i < 3; i++) assert.equal(await catalogue.record(archive, [pod]), true);
      assert.deepEqual(await podsOf(archive), [pod]);
      assert.deepEqual(await pods({ by: 'sandbox', sandboxId: pod.sandboxId }), [pod]);
    });

    it('lets a newer event replace an older one, whichever comes first', async () => {
      for (const newestFirst of [false, true]) {
        const location = newLocation();
        const older = archiveRecord({ location, sequencer: '0010', etag: '"old"' });
        // Longer but smaller as a number: padded on the right, it is the later one.
        const newer = archiveRecord({ location, sequencer: '00101', etag: '"new"' });
        const oldPod = podRecord(older, { sandboxId: `old-${keys}` });
        const newPod = podRecord(newer, { sandboxId: `new-${keys}` });
        const events: [ArchiveRecord, PodRecord[], boolean][] = [
          [older, [oldPod], !newestFirst],
          [newer, [newPod], true],
        ];
        for (const [archive, its, isNewest] of newestFirst ? events.toReversed() : events) {
          assert.equal(await catalogue.record(archive, its), isNewest);
        }
        assert.deepEqual(await catalogue.archive(location), newer);
        assert.deepEqual(await podsOf(newer), [newPod]);
        assert.deepEqual(await pods({ by: 'sandbox', sandboxId: oldPod.sandboxId }), []);
        assert.deepEqual(await pods({ by: 'sandbox', sandboxId: newPod.sandboxId }), [newPod]);
      }
    });

    it('takes the pods of a deleted archive out of every query, and keeps them out when its creation is told late', async () => {
      for (const deletedFirst of [false, true]) {
        const created = archiveRecord();
        const cluster = `deleted-${keys}`;
        const image = `gone:${keys}`;
        const pod = podRecord(created, {
          sandboxId: `gone-${keys}`,
          origin: { cluster, node: 'n' },
          containers: [containerRecord({ image })],
        });
        const deleted: ArchiveRecord = {
          location: created.location,
          state: 'deleted',
          sequencer: '0011',
          at: '2026-11-22T15:00:00Z',
        };
        if (deletedFirst) assert.equal(await catalogue.record(deleted, []), true);
        assert.equal(await catalogue.record(created, [pod]), !deletedFirst);
        if (!deletedFirst) assert.equal(await catalogue.record(deleted, []), true);
        assert.deepEqual(await catalogue.archive(created.location), deleted);
        assert.deepEqual(await podsOf(created), []);
        const queries: PodQuery[] = [
          { by: 'pod', cluster, namespace: 'default', name: 'my-redis' },
          { by: 'namespace', cluster, namespace: 'default' },
          { by: 'node', cluster, node: 'n' },
          { by: 'cluster', cluster },
          { by: 'container', fact: 'image', value: image },
          { by: 'container', fact: 'engine', value: 'cri-o', within: { by: 'node', cluster, node: 'n' } },
          { by: 'sandbox', sandboxId: pod.sandboxId },
        ];
        for (const query of queries) assert.deepEqual(await pods(query), [], JSON.stringify(query));
      }
    });

    it('records what was rejected, with its reason', async () => {
      const rejected: ArchiveRecord = {
        location: newLocation(),
        state: 'rejected',
        reason: 'It is no archive.',
        sizeBytes: 7,
        sequencer: '0A',
        at: '2026-11-22T13:20:05Z',
      };
      await catalogue.record(rejected, []);
      assert.deepEqual(await catalogue.archive(rejected.location), rejected);
      assert.deepEqual(await podsOf(rejected), []);
    });

    it('holds an archive of more pods than one request takes', async () => {
      const archive = archiveRecord({ podCount: 130 });
      const its = Array.from({ length: 130 }, (_, i) =>
        podRecord(archive, { sandboxId: `many-${String(i).padStart(3, '0')}`, namespace: `many-${keys}` }),
      );
      await catalogue.record(archive, its);
      assert.deepEqual(await all((p) => catalogue.podsOf(archive.location, p), { limit: 50 }), its);
      await catalogue.record({ location: archive.location, state: 'deleted', sequencer: 'FF', at: archive.at }, []);
      assert.deepEqual(await pods({ by: 'namespace', cluster: 'prod', namespace: `many-${keys}` }), []);
    });

    it('lists what was rejected, until it is something else', async () => {
      const since = '2031-01-01T00:00:00Z'; // the other tests' are older
      const rejected = (at: string) => archiveRecord({ state: 'rejected', reason: 'It is no tar.', at });
      const [first, second] = [rejected('2031-01-01T00:00:01Z'), rejected('2031-01-01T00:00:02Z')];
      for (const archive of [second, first]) await catalogue.record(archive, []);
      assert.deepEqual(await all((p) => catalogue.rejected({ ...p, since })), [second, first]);
      await catalogue.record({ ...second, state: 'deleted', sequencer: '00FF' }, []);
      assert.deepEqual(await all((p) => catalogue.rejected({ ...p, since })), [first]);
    });

    it('lists what is deleted, also with keys as long as S3 takes them', async () => {
      const since = '2032-01-01T00:00:00Z'; // the other tests' are older
      const location = { bucket: 'archives', key: `${'ü'.repeat(500)}-${keys}` };
      const deleted = archiveRecord({ location, state: 'deleted', at: '2032-01-01T00:00:01Z' });
      await catalogue.record({ ...deleted, state: 'rejected', sequencer: '0001' }, []);
      assert.deepEqual(await all((p) => catalogue.deleted({ ...p, since })), []);
      await catalogue.record(deleted, []);
      assert.deepEqual(await all((p) => catalogue.deleted({ ...p, since })), [deleted]);
      await catalogue.record({ ...deleted, state: 'ready', sequencer: '00FF' }, []);
      assert.deepEqual(await all((p) => catalogue.deleted({ ...p, since })), []);
    });

    it('gives back bundles by id, and lists them newest first', async () => {
      const pod = {
        sandboxId: 's1',
        name: 'my-redis',
        namespace: 'default',
        checkpointedAt: '2026-11-22T13:20:00Z',
        sizeBytes: 500,
        origin: { cluster: 'prod', node: 'node-1' },
      };
      const first = bundleRecord({ createdAt: '2026-11-22T14:00:01Z', pods: [pod] });
      const second = bundleRecord({ createdAt: '2026-11-22T14:00:03Z' });
      const third = bundleRecord({ createdAt: '2026-11-22T14:00:02Z', pods: [pod, { ...pod, sandboxId: 's2' }] });
      for (const bundle of [first, second, third]) await catalogue.recordBundle(bundle);
      assert.deepEqual(await catalogue.bundle(first.bundleId), first);
      assert.deepEqual(await all((p) => catalogue.bundles(p), { limit: 2 }), [second, third, first]);
      assert.deepEqual(await all((p) => catalogue.bundles({ ...p, since: '2026-11-22T14:00:02Z' })), [second, third]);
    });

    it('knows the same bundle in several regions, each by itself', async () => {
      const { location, ...bundle } = bundleRecord({ createdAt: '2035-01-01T00:00:00Z' });
      const [one, two] = ['eu-central-1', 'us-east-1'].map((region, i) => {
        const createdAt = `2035-01-01T00:00:0${i}Z`;
        return { ...bundle, createdAt, location: { ...location, bucket: `bundles-${region}`, region } };
      });
      for (const record of [two!, one!, two!]) await catalogue.recordBundle(record);
      assert.deepEqual(await catalogue.bundle(bundle.bundleId, 'eu-central-1'), one);
      assert.deepEqual(await catalogue.bundle(bundle.bundleId, 'us-east-1'), two);
      assert.equal(await catalogue.bundle(bundle.bundleId, 'sa-east-1'), undefined);
      assert.equal(await catalogue.bundle(bundle.bundleId), undefined);
      const since = '2035-01-01T00:00:00Z';
      assert.deepEqual(await all((p) => catalogue.bundles({ ...p, since })), [two, one]);
    });

    it('takes the same bundle again, also one made anew, but not another object under its id', async () => {
      const bundle = bundleRecord({ createdAt: '2020-01-01T00:00:00Z' });
      await catalogue.recordBundle(bundle);
      await catalogue.recordBundle(bundle);
      const anew = { ...bundle, etag: '"b2"', createdAt: '2020-01-02T00:00:00Z' };
      await catalogue.recordBundle(anew);
      await catalogue.recordBundle(bundle); // late
      assert.deepEqual(await catalogue.bundle(bundle.bundleId), anew);
      await assert.rejects(
        catalogue.recordBundle({ ...anew, location: { bucket: 'bundles', key: 'other.tar' } }),
        (error) => isPodfreightError(error, 'conflict') && error.message.includes('other.tar'),
      );
      assert.deepEqual(await catalogue.bundle(bundle.bundleId), anew);
    });
  });
}
