import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { ItemTable } from '../../core/catalogue/item-table.ts';
import { podItems } from '../../core/catalogue/items.ts';
import type { ArchiveRecord } from '../../core/catalogue/records.ts';
import { sequencerOrder } from '../../core/catalogue/sequencer.ts';
import type { SweepPosition } from '../../core/catalogue/sweep.ts';
import { tableCatalogue } from '../../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../../core/catalogue/table-survey.ts';
import type { Catalogue, CatalogueSurvey, ObjectLocation } from '../../core/ports.ts';
import { turnPages } from '../../core/reconcile/merge.ts';
import { NO_COUNTS, type ReconcileRun } from '../../core/reconcile/run.ts';
import { archiveRecord, newLocation, podRecord } from './catalogue.ts';

/** What every {@link CatalogueSurvey} does. `open` is called once. */
export function catalogueSurveyContract(name: string, open: () => Promise<ItemTable> | ItemTable): void {
  describe(`catalogue survey: ${name}`, () => {
    let table: ItemTable;
    let catalogue: Catalogue;
    let survey: CatalogueSurvey;
    before(async () => {
      table = await open();
      catalogue = tableCatalogue(table);
      survey = tableSurvey(table);
    });

    const keysOf = async (bucket: string, after?: string) => {
      const keys = [];
      for await (const { location } of turnPages((from) => survey.archives(bucket, from), after))
        keys.push(location.key);
      return keys;
    };
    async function record(location: ObjectLocation, overrides: Partial<ArchiveRecord> = {}): Promise<ArchiveRecord> {
      const archive = archiveRecord({ location, ...overrides });
      await catalogue.record(archive, archive.state === 'ready' ? [podRecord(archive)] : []);
      return archive;
    }
    async function askew(): Promise<string[]> {
      const found: ObjectLocation[] = [];
      let position: SweepPosition | undefined;
      do {
        const page = await survey.sweep(position);
        found.push(...page.askew);
        // As it is when it was kept from one invocation to the next.
        position = page.next && JSON.parse(JSON.stringify(page.next));
      } while (position !== undefined);
      return found.map(({ key }) => key).sort();
    }

    it('lists archives that are not deleted by key, in the order of bytes', async () => {
      const bucket = 'by-key';
      const keys = ['a', 'a/b', 'a0', 'é', '\u{FF5E}', '\u{1F600}'];
      for (const key of keys.toReversed()) await record({ bucket, key });
      await record({ bucket, key: 'b' }, { state: 'deleted' });
      await record({ bucket, key: 'c' }, { state: 'rejected' });
      await record({ bucket: 'by-key-2', key: 'a' });
      assert.deepEqual(await keysOf(bucket), ['a', 'a/b', 'a0', 'c', 'é', '\u{FF5E}', '\u{1F600}']);
      assert.deepEqual(await keysOf(bucket, 'a/b'), ['a0', 'c', 'é', '\u{FF5E}', '\u{1F600}']);
      assert.deepEqual(await keysOf(bucket, 'a/'), ['a/b', 'a0', 'c', 'é', '\u{FF5E}', '\u{1F600}']);
    });

    it('knows the highest sequencer of an object, recorded or not', async () => {
      const location = newLocation();
      assert.equal(await survey.lastSequencer(location), undefined);
      const archive = await record(location, { sequencer: '0010' });
      assert.equal(await survey.lastSequencer(location), sequencerOrder('0010'));
      for (const item of podItems(podRecord(archive), '0020')) await table.put(item);
      assert.equal(await survey.lastSequencer(location), sequencerOrder('0020'));
      await catalogue.record({ ...archive, state: 'deleted', sequencer: '0030' }, []);
      assert.equal(await survey.lastSequencer(location), sequencerOrder('0030'));
    });

    it('names the objects whose items do not belong together', async () => {
      const at = (what: string) => ({ bucket: 'swept', key: `prod/n/${what}/20261122T132000Z.tar` });
      const mine = async () => (await askew()).filter((key) => key.startsWith('prod/n/'));
      await record(at('well'));
      await record(at('rejected'), { state: 'rejected' });
      await record(at('deleted'), { state: 'deleted' });
      assert.deepEqual(await mine(), []);

      const stray = await record(at('stray'));
      await table.put(podItems(podRecord(stray), '0005')[1]!);
      const gone = await record(at('pods-of-deleted'), { state: 'deleted' });
      for (const item of podItems(podRecord(gone), gone.sequencer)) await table.put(item);
      await table.put(podItems(podRecord(archiveRecord({ location: at('never-recorded') })), '0005')[0]!);
      const lost = await record(at('pod-missing'));
      await table.remove(podItems(podRecord(lost), lost.sequencer)[0]!);
      const long = `prod/n/long/${'x'.repeat(1000)}`;
      await record({ bucket: 'swept', key: long });
      const ahead = archiveRecord({ location: at('ahead') });
      await catalogue.record(ahead, [podRecord(ahead, { checkpointedAt: '2099-01-01T00:00:00Z' })]);
      const expected = [
        long,
        ...['stray', 'pods-of-deleted', 'never-recorded', 'pod-missing', 'ahead'].map((what) => at(what).key),
      ];
      assert.deepEqual(await mine(), expected.sort());
    });

    it('forgets a bundle unless it was recorded anew', async () => {
      const bundleId = 'c'.repeat(32);
      const location = { bucket: 'some-bundles', key: `${bundleId}.tar` };
      const described = {
        bundleId,
        location,
        etag: '"b"',
        sizeBytes: 1,
        format: 'tar',
        podCount: 0,
        pods: [],
      } as const;
      const old = { ...described, createdAt: '2026-11-22T14:00:00Z' };
      const anew = { ...described, createdAt: '2026-11-23T14:00:00Z' };
      await catalogue.recordBundle(old);
      await catalogue.recordBundle(anew);
      assert.deepEqual((await survey.bundles('some-bundles')).items, [anew]);
      assert.equal(await survey.forgetBundle(old), false);
      assert.equal(await survey.forgetBundle(anew), true);
      assert.deepEqual((await survey.bundles('some-bundles')).items, []);
    });

    it('keeps how far a run is', async () => {
      assert.equal(await survey.run('of-run'), undefined);
      const run: ReconcileRun = {
        archivesBucket: 'of-run',
        startedAt: '2026-11-22T14:00:00Z',
        invocations: 1,
        position: {
          phase: 'sweep',
          sweep: { startAfter: { pk: 'p', sk: 's' }, partition: { pk: 'p', pods: 1, strays: 0 } },
        },
        counts: NO_COUNTS,
      };
      await survey.saveRun(run);
      assert.deepEqual(await survey.run('of-run'), run);
    });
  });
}
