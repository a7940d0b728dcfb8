import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { ItemKey, ItemTable } from '../../core/catalogue/item-table.ts';
import type { ArchiveRecord, PodQuery, PodRecord } from '../../core/catalogue/records.ts';
import { compareSequencers } from '../../core/catalogue/sequencer.ts';
import { tableCatalogue } from '../../core/catalogue/table-catalogue.ts';
import { archiveRecord, containerRecord, newLocation, podRecord } from './catalogue.ts';

class Crash extends Error {}

/** What one event says of the object, and after how many calls of the table each attempt to record it dies. */
interface Told {
  readonly state: ArchiveRecord['state'];
  readonly pods: readonly string[];
  readonly crashesAfter: readonly (readonly number[])[];
}

const told: fc.Arbitrary<Told> = fc.record({
  state: fc.constantFrom('ready', 'ready', 'rejected', 'deleted'),
  pods: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
  // One list for each delivery of the event, one number for each attempt that fails.
  crashesAfter: fc.array(fc.array(fc.nat(12), { maxLength: 2 }), { minLength: 1, maxLength: 3 }),
});

const SEQUENCERS = ['0010', '00101', '0011', '002', '00200000001'];

/** Calls pass in the order the scheduler decides; the one after `callsLeft` dies, and with it the attempt. */
function crashing(table: ItemTable, scheduler: fc.Scheduler, callsLeft: number): ItemTable {
  const call = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    if (callsLeft-- <= 0) throw new Crash();
    await scheduler.schedule(Promise.resolve(), name);
    return act();
  };
  // Of several items any may be written when a call dies, so each is a call of its own here, and none comes after the death.
  const each =
    <K extends ItemKey>(name: string, act: (key: K) => Promise<void>) =>
    async (keys: readonly K[]) => {
      const calls = await Promise.allSettled(keys.map((key) => call(`${name} ${key.sk}`, () => act(key))));
      for (const { reason } of calls.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[])
        throw reason;
    };
  return {
    get: (key) => call('get', () => table.get(key)),
    put: (item, condition) => call(`put ${item.sk}`, () => table.put(item, condition)),
    putAll: each('put', (item) => table.putAll([item])),
    removeAll: each('remove', (key) => table.removeAll([key])),
    remove: (key, condition) => call(`remove ${key.sk}`, () => table.remove(key, condition)),
    query: (query) => call('query', () => table.query(query)),
    scan: (startAfter) => call('scan', () => table.scan(startAfter)),
  };
}

/**
 * Events about one object, each delivered several times, all at once, their calls interleaved, attempts dying between
 * calls and made again: whatever happens, the catalogue ends up saying what the last event says.
 */
export function catalogueConvergence(name: string, open: () => Promise<ItemTable> | ItemTable, numRuns: number): void {
  describe(`catalogue ends the same however events are delivered: ${name}`, () => {
    let table: ItemTable;
    before(async () => {
      table = await open();
    });

    it('says what the last event says', async () => {
      const events = fc.array(told, { minLength: 1, maxLength: SEQUENCERS.length });
      await fc.assert(
        fc.asyncProperty(events, fc.scheduler(), async (tellings, scheduler) => {
          const location = newLocation();
          const cluster = `cluster of ${location.key}`;
          const containers = [{ name: 'c', id: 'c1', image: '', engine: 'cri-o' }];
          const recorded = tellings.map(({ state, pods, crashesAfter }, i) => {
            const archive = archiveRecord({ location, state, etag: `"${i}"`, sequencer: SEQUENCERS[i]! });
            const its = pods.map((id) =>
              podRecord(archive, { sandboxId: id, origin: { cluster, node: 'n' }, containers }),
            );
            return { archive, pods: state === 'ready' ? its : [], crashesAfter };
          });
          const { archive: last, pods: lastPods } = recorded.at(-1)!;

          const deliver = async (
            archive: ArchiveRecord,
            pods: readonly PodRecord[],
            crashesAfter: readonly number[],
          ) => {
            for (const calls of [...crashesAfter, Number.POSITIVE_INFINITY]) {
              try {
                return await tableCatalogue(crashing(table, scheduler, calls)).record(archive, pods);
              } catch (error) {
                if (!(error instanceof Crash)) throw error;
              }
            }
            return assert.fail('the last attempt does not crash');
          };
          const deliveries = recorded.flatMap(({ archive, pods, crashesAfter }) =>
            crashesAfter.map(async (crashes) => {
              const isNewest = await deliver(archive, pods, crashes);
              const now = await tableCatalogue(table).archive(location);
              assert.ok(now !== undefined && compareSequencers(now.sequencer, archive.sequencer) >= 0);
              if (archive === last) assert.equal(isNewest, true);
            }),
          );
          await scheduler.waitFor(Promise.all(deliveries));

          const catalogue = tableCatalogue(table);
          assert.deepEqual(await catalogue.archive(location), last);
          const engines = await catalogue.pods(
            { by: 'container', fact: 'engine', value: 'cri-o', within: { by: 'node', cluster, node: 'n' } },
            { limit: 10 },
          );
          const ids = (pods: readonly PodRecord[]) =>
            pods.map(({ sandboxId, archive }) => sandboxId + archive.etag).sort();
          assert.deepEqual(ids((await catalogue.podsOf(location, { limit: 10 })).items), ids(lastPods));
          assert.deepEqual(ids(engines.items), ids(lastPods));
          assert.deepEqual(ids((await catalogue.pods({ by: 'cluster', cluster }, { limit: 10 })).items), ids(lastPods));
        }),
        { numRuns },
      );
    });

    it('has all pods and containers of an archive at every moment at which it says ready', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 3 }), fc.scheduler(), async (crashesAfter, scheduler) => {
          const archive = archiveRecord();
          const cluster = archive.location.key;
          const containers = [containerRecord()];
          const its = ['a', 'b', 'c'].map((sandboxId) =>
            podRecord(archive, { sandboxId, origin: { cluster, node: 'n' }, containers }),
          );
          const isCriO: PodQuery = {
            ...{ by: 'container', fact: 'engine', value: 'cri-o' },
            within: { by: 'cluster', cluster },
          };
          const watched: ItemTable = {
            ...bound(table),
            async put(item, condition) {
              const done = await table.put(item, condition);
              const catalogue = tableCatalogue(table);
              if ((await catalogue.archive(archive.location)) !== undefined) {
                assert.equal((await catalogue.podsOf(archive.location, { limit: 10 })).items.length, its.length);
                assert.equal((await catalogue.pods(isCriO, { limit: 10 })).items.length, its.length);
              }
              return done;
            },
          };
          const attempts = [...crashesAfter, Number.POSITIVE_INFINITY].map((calls) =>
            tableCatalogue(crashing(watched, scheduler, calls))
              .record(archive, its)
              .catch((error) => assert.ok(error instanceof Crash, error)),
          );
          await scheduler.waitFor(Promise.all(attempts));
        }),
        { numRuns },
      );
    });
  });
}

function bound(table: ItemTable): ItemTable {
  return {
    get: (key) => table.get(key),
    put: (item, condition) => table.put(item, condition),
    putAll: (items) => table.putAll(items),
    removeAll: (keys) => table.removeAll(keys),
    remove: (key, condition) => table.remove(key, condition),
    query: (query) => table.query(query),
    scan: (startAfter) => table.scan(startAfter),
  };
}
