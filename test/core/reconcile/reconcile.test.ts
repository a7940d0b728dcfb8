import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { createBundle } from '../../../core/bundle/create-bundle.ts';
import { catalogueObject } from '../../../core/catalogue/catalogue-archive.ts';
import type { BundleRecord } from '../../../core/catalogue/records.ts';
import { tableCatalogue } from '../../../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../../../core/catalogue/table-survey.ts';
import { PodfreightError } from '../../../core/errors.ts';
import type { Catalogue } from '../../../core/ports.ts';
import { type ReconcileContext, reconcile } from '../../../core/reconcile/reconcile.ts';
import type { ReconcileRun } from '../../../core/reconcile/run.ts';
import { MemoryBucketListing } from '../../memory/bucket-listing.ts';
import { MemoryItemTable } from '../../memory/item-table.ts';
import { VersionedArchiveStore } from '../../memory/versioned-archive-store.ts';
import { archiveOf, incompressible } from '../catalogue/archives.ts';

const BUCKET = 'archives';
const HOUR_MS = 3_600_000;

describe('reconcile', () => {
  let store: VersionedArchiveStore;
  let table: MemoryItemTable;
  let catalogue: Catalogue;
  let listing: MemoryBucketListing;
  let context: ReconcileContext;
  let sequence = 0;
  beforeEach(() => {
    store = new VersionedArchiveStore();
    table = new MemoryItemTable();
    catalogue = tableCatalogue(table);
    listing = new MemoryBucketListing(store, [BUCKET, 'bundles']);
    context = {
      ...{ store, catalogue, listing, survey: tableSurvey(table), archivesBucket: BUCKET, bundlesBucket: 'bundles' },
      graceMs: HOUR_MS,
      now: () => new Date(store.now.getTime() + 2 * HOUR_MS),
      remainingMs: () => 900_000,
    };
  });

  const keyOf = (name: string) => `prod/node-1/${name}/20261122T132000Z.tar.zst`;
  const at = (name: string) => ({ bucket: BUCKET, key: keyOf(name) });
  const write = async (name: string, sandboxId = name) => store.write(at(name), await archiveOf([{ sandboxId }]));
  const event = () => {
    sequence += 1;
    return { sequencer: `00${sequence.toString(16).padStart(8, '0')}`, at: '2026-11-22T16:00:00Z' };
  };
  const tell = (name: string, told = event()) => catalogueObject({ ...at(name), ...told }, { store, catalogue });
  async function pods(): Promise<string[]> {
    const { items } = await catalogue.pods({ by: 'cluster', cluster: 'prod' }, { limit: 1000 });
    return items.map(({ sandboxId }) => sandboxId).sort();
  }
  /** Counts that are not 0. */
  async function differences(): Promise<Partial<ReconcileRun['counts']>> {
    const { run } = await reconcile(context);
    assert.equal(run.position.phase, 'done');
    const { compared: _, ...counts } = run.counts;
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  }

  it('catalogues what no event told of, and buries what is gone, once', async () => {
    for (const name of ['told', 'gone', 'deleted', 'replaced']) {
      await write(name);
      await tell(name);
    }
    await write('untold');
    store.delete(at('deleted'));
    await write('replaced', 'replacement');
    store.delete({ ...at('gone'), versionId: 'v2' });
    assert.deepEqual(await differences(), { uncatalogued: 1, changed: 1, gone: 2 });
    assert.deepEqual(await pods(), ['replacement', 'told', 'untold']);
    assert.equal((await catalogue.archive(at('gone')))?.state, 'deleted');
    assert.deepEqual(await differences(), {});
  });

  it('asks for pages and nothing else where nothing differs', async () => {
    for (let i = 0; i < 250; i++) {
      await write(`s${i}`);
      await tell(`s${i}`);
    }
    const asked: string[] = [];
    store.open = async () => assert.fail('opened');
    table.get = async ({ pk }) => void asked.push(pk) as undefined;
    const { query } = table;
    let queries = 0;
    table.query = async (wanted) => {
      queries += 1;
      return query.call(table, wanted);
    };
    assert.deepEqual(await differences(), {});
    assert.deepEqual(asked, [`RECONCILE#${BUCKET}`]);
    assert.equal(listing.pages.length, 3 + 1);
    assert.ok(queries <= 7, `${queries} queries`);
  });

  it('leaves what is young to its event', async () => {
    await write('young');
    context = { ...context, now: () => new Date(store.now.getTime() + 1000) };
    assert.deepEqual(await differences(), { young: 1 });
    assert.deepEqual(await pods(), []);
  });

  it('does not bury what was created after the bucket was listed', async () => {
    const { newest } = listing;
    listing.newest = async (bucket, after) => {
      const page = await newest.call(listing, bucket, after);
      if (bucket === BUCKET) {
        await write('late');
        await tell('late');
      }
      return page;
    };
    assert.deepEqual(await differences(), {});
    assert.deepEqual(await pods(), ['late']);
  });

  it('gives way to every event of a later change, whenever it is recorded', async () => {
    const before = event();
    await write('a', 'old');
    const { record } = catalogue;
    // While reconcile has looked, and not yet recorded: the object is replaced, and that is told.
    catalogue.record = async (archive, its) => {
      catalogue.record = record;
      await write('a', 'new');
      await tell('a');
      return record.call(catalogue, archive, its);
    };
    await differences();
    assert.deepEqual(await pods(), ['new']);
    await tell('a', before);
    assert.deepEqual(await pods(), ['new'], 'an event from before comes too late');
  });

  it('is not undone by an event that comes again', async () => {
    await write('a');
    const created = event();
    await tell('a', created);
    store.delete(at('a'));
    assert.deepEqual(await differences(), { gone: 1 });
    assert.equal((await tell('a', created)).isNewest, false);
    await write('a', 'again');
    assert.equal((await tell('a')).isNewest, true);
    assert.deepEqual(await pods(), ['again']);
  });

  it('clears up after a function that died over an event which never came again', async () => {
    await write('a');
    await tell('a');
    const { put } = table;
    table.put = async (item, condition) => {
      if (item.sk === 'ARCHIVE') throw new PodfreightError('service', 'Killed.');
      return put.call(table, item, condition);
    };
    await write('a', 'second');
    await assert.rejects(tell('a'));
    table.put = put;
    store.delete({ ...at('a'), versionId: 'v2' });
    assert.deepEqual(await pods(), ['a', 'second']);
    assert.deepEqual(await differences(), { askew: 1 });
    assert.deepEqual(await pods(), ['a']);
    assert.deepEqual(await differences(), {});
  });

  it('orders anew what was recorded when archives were still taken at their word', async () => {
    await write('a');
    await tell('a');
    await write('ahead');
    const { record } = catalogue;
    catalogue.record = (archive, its) =>
      record.call(
        catalogue,
        archive,
        its.map((pod) => ({ ...pod, checkpointedAt: '2099-01-01T00:00:00Z' })),
      );
    await tell('ahead');
    catalogue.record = record;
    const newest = async () => (await catalogue.pods({ by: 'cluster', cluster: 'prod' }, { limit: 1 })).items[0];
    assert.equal((await newest())?.checkpointedAt, '2099-01-01T00:00:00Z', 'it can be read');
    assert.deepEqual(await differences(), { askew: 1 });
    assert.equal((await newest())?.checkpointedAt, '2026-11-22T13:20:00Z');
    assert.deepEqual(await differences(), {});
  });

  it('goes on in the next invocation where the time was used up, and begins anew when it was through', async () => {
    for (let i = 0; i < 1200; i++) await write(`s${i}`);
    context = { ...context, remainingMs: () => 0 };
    const runs: Awaited<ReturnType<typeof reconcile>>['run'][] = [];
    do runs.push((await reconcile(context)).run);
    while (runs.at(-1)?.finishedAt === undefined);
    assert.ok(runs.length > 4, `${runs.length} invocations`);
    assert.deepEqual(
      runs.map(({ invocations }) => invocations),
      runs.map((_, i) => i + 1),
    );
    assert.equal(runs.at(-1)?.counts.uncatalogued, 1200);
    assert.equal((await pods()).length, 1000); // a page
    assert.equal((await reconcile({ ...context, remainingMs: () => 900_000 })).run.counts.uncatalogued, 0);
  });

  it('saves where it is more often where each is more work: of bundles, after 50', async () => {
    for (let i = 0; i < 120; i++) {
      store.write({ bucket: 'bundles', key: `${`${i}`.padStart(32, '0')}.tar` }, Buffer.from('no bundle'));
    }
    context = { ...context, remainingMs: () => 0 };
    const runs: Awaited<ReturnType<typeof reconcile>>['run'][] = [];
    do runs.push((await reconcile(context)).run);
    while (runs.at(-1)?.finishedAt === undefined && runs.length < 20);
    const failed = runs.flatMap(({ counts }, i) =>
      counts.failed === (runs[i - 1]?.counts.failed ?? 0) ? [] : [counts.failed],
    );
    assert.deepEqual(failed, [50, 100, 120]);
  });

  it('counts what it cannot heal, and goes on with the others', async () => {
    await write('a');
    await write('b');
    const { open } = store;
    store.open = async (location) => {
      if (location.key === keyOf('a')) throw new PodfreightError('access-denied', 'No.');
      return open.call(store, location);
    };
    const told: unknown[] = [];
    context = { ...context, onDifference: (kind, { key }, failure) => void told.push([kind, key, failure?.code]) };
    assert.deepEqual(await differences(), { uncatalogued: 1, failed: 1 });
    assert.deepEqual(told.toSorted(), [
      ['uncatalogued', keyOf('a'), 'access-denied'],
      ['uncatalogued', keyOf('b'), undefined],
    ]);
    store.open = async () => {
      throw new PodfreightError('unreachable', 'S3 does not answer.');
    };
    await assert.rejects(reconcile(context), { code: 'unreachable' });
  });

  it('forgets a bundle that is gone, and takes nothing for a bundle but what its key names', async () => {
    const location = (id: string) => ({ bucket: 'bundles', key: `${id.repeat(32)}.tar` });
    const bundle = (id: string) => ({
      ...{ bundleId: id.repeat(32), location: location(id), etag: '"b"', sizeBytes: 1, format: 'tar' as const },
      ...{ createdAt: '2026-11-22T14:00:00Z', podCount: 0, pods: [] },
    });
    for (const id of ['a', 'b']) await catalogue.recordBundle(bundle(id));
    for (const id of ['b', 'c']) store.write(location(id), Buffer.from('bundle'));
    store.write(location('e'), await archiveOf([{ sandboxId: 'a' }], { format: 'tar' }));
    store.write({ bucket: 'bundles', key: `normalised/${'d'.repeat(64)}.tar` }, Buffer.from('no bundle'));
    const told: unknown[] = [];
    context = { ...context, onDifference: (kind, { key }, failure) => void told.push([kind, key[0], failure?.code]) };
    assert.deepEqual(await differences(), { bundlesGone: 1, failed: 2 });
    assert.deepEqual(told.toSorted(), [
      ['bundlesGone', 'a', undefined],
      ['bundlesUncatalogued', 'c', 'invalid-archive'],
      ['bundlesUncatalogued', 'e', 'invalid-archive'],
    ]);
    assert.deepEqual((await catalogue.bundles({ limit: 10 })).items, [bundle('b')]);
  });

  describe('records a bundle that no item tells of', () => {
    const content = incompressible(6_000_000);
    const POD = { sandboxId: 'a', content };
    /** By the clock of its node, after S3 had it. */
    const AHEAD = { sandboxId: 'b', content, modifiedAt: new Date('2027-01-01T00:00:00Z') };

    /** From two nodes, as a function makes it that dies before it records it. */
    async function makeBundle(): Promise<BundleRecord> {
      for (const [node, pod] of [
        ['node-1', POD],
        ['node-2', AHEAD],
      ] as const) {
        const location = { bucket: BUCKET, key: `prod/${node}/${pod.sandboxId}/20261122T132000Z.tar.zst` };
        store.write(location, await archiveOf([pod]));
        await catalogueObject({ ...location, ...event() }, { store, catalogue, region: 'eu-central-1' });
      }
      let recorded: BundleRecord | undefined;
      const dying = {
        ...catalogue,
        recordBundle: async (bundle: BundleRecord) => {
          recorded = bundle;
        },
      };
      await createBundle(
        { pods: [{ cluster: 'prod' }] },
        {
          ...{ store, catalogue: dying, bucket: 'bundles', region: 'eu-central-1', remainingMs: () => 900_000 },
          requests: () => ({ s3: 0, dynamodb: 0 }),
        },
      );
      context = { ...context, region: 'eu-central-1' };
      return recorded ?? assert.fail('it was not made');
    }
    const bundles = async () => (await catalogue.bundles({ limit: 10 })).items;
    const withoutOrigins = (bundle: BundleRecord) => ({
      ...bundle,
      pods: bundle.pods.map(({ origin: _, ...pod }) => pod),
    });

    it('as it was when it was made', async () => {
      const made = await makeBundle();
      assert.deepEqual(await differences(), { bundlesUncatalogued: 1 });
      assert.deepEqual(await bundles(), [made]);
      assert.deepEqual(
        made.pods.map(({ origin }) => origin?.node),
        ['node-1', 'node-2'],
      );
      assert.deepEqual(await differences(), {});
    });

    it('also when the whole table was lost', async () => {
      const made = await makeBundle();
      table = new MemoryItemTable();
      catalogue = tableCatalogue(table);
      context = { ...context, catalogue, survey: tableSurvey(table) };
      assert.deepEqual(await differences(), { uncatalogued: 2, bundlesUncatalogued: 1 });
      assert.deepEqual(await bundles(), [made]);
    });

    it('without the node of a pod whose archives are gone, or come from several', async () => {
      const made = await makeBundle();
      store.delete({ bucket: BUCKET, key: 'prod/node-1/a/20261122T132000Z.tar.zst' });
      const copy = { bucket: BUCKET, key: 'prod/node-3/b/20261122T132000Z.tar.zst' };
      store.write(copy, await archiveOf([AHEAD]));
      const other = { bucket: BUCKET, key: 'prod/node-4/a/20261122T132000Z.tar.zst' };
      store.write(other, await archiveOf([{ sandboxId: 'a', content: Buffer.from('of another time') }]));
      assert.deepEqual(await differences(), { gone: 1, uncatalogued: 2, bundlesUncatalogued: 1 });
      assert.deepEqual(await bundles(), [withoutOrigins(made)]);
    });

    it('not in place of what was recorded meanwhile', async () => {
      const made = await makeBundle();
      const { newest } = listing;
      listing.newest = async (bucket, after) => {
        const page = await newest.call(listing, bucket, after);
        if (bucket === 'bundles') await catalogue.recordBundle(made);
        return page;
      };
      assert.deepEqual(await differences(), {});
      assert.deepEqual(await bundles(), [made]);
    });

    it('not while whoever made it may be about to', async () => {
      await makeBundle();
      context = { ...context, now: () => new Date(store.now.getTime() + 1000) };
      assert.deepEqual(await differences(), { young: 1 });
      assert.deepEqual(await bundles(), []);
    });
  });
});
