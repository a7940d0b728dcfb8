import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { catalogueObject } from '../../../core/catalogue/catalogue-archive.ts';
import { tableCatalogue } from '../../../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../../../core/catalogue/table-survey.ts';
import { REMOVAL_MS } from '../../../core/custody/custody.ts';
import { holdArchives, unholdArchives } from '../../../core/custody/hold-archives.ts';
import { type RemovalContext, removeArchives } from '../../../core/custody/remove-archives.ts';
import { tableCustodies } from '../../../core/custody/table-custodies.ts';
import { isPodfreightError, PodfreightError } from '../../../core/errors.ts';
import { openIfThere } from '../../../core/open-if-there.ts';
import { prune } from '../../../core/retention/prune.ts';
import { MemoryArchiveKeeper } from '../../memory/archive-keeper.ts';
import { MemoryItemTable } from '../../memory/item-table.ts';
import { VersionedArchiveStore } from '../../memory/versioned-archive-store.ts';
import { archiveOf } from '../catalogue/archives.ts';

const BUCKET = 'archives';
const at = (name: string) => ({ bucket: BUCKET, key: `prod/n/${name}/20261122T132000Z.tar.zst` });
const ONCALL = { by: 'oncall', reason: 'incident', at: '2026-11-22T17:00:00Z' };
const OPS = { by: 'ops', reason: 'space' };

describe('custody of archives', () => {
  let store: VersionedArchiveStore;
  let table: MemoryItemTable;
  let keeper: MemoryArchiveKeeper;
  let context: RemovalContext;
  let now: Date;
  let sequence = 0;
  beforeEach(async () => {
    store = new VersionedArchiveStore();
    table = new MemoryItemTable();
    keeper = new MemoryArchiveKeeper(store, { hasLocks: true });
    now = new Date('2026-11-22T17:00:00Z');
    context = contextOf(table);
    for (const name of ['a', 'b', 'c']) await push(name);
  });

  function contextOf(its: MemoryItemTable | ReturnType<typeof scheduled>): RemovalContext {
    return {
      ...{ store, keeper, now: () => now },
      catalogue: tableCatalogue(its),
      survey: tableSurvey(its),
      custodies: tableCustodies(its),
    };
  }
  async function push(name: string): Promise<void> {
    store.write(at(name), await archiveOf([{ sandboxId: name, name: `pod-${name}` }]));
    sequence += 1;
    const occasion = {
      ...at(name),
      sequencer: `00${sequence.toString(16).padStart(8, '0')}`,
      at: '2026-11-22T16:00:00Z',
    };
    await catalogueObject(occasion, context);
  }
  const order = (name: string) => ({ location: at(name), ...OPS });
  const isThere = async (name: string) => (await openIfThere(store, at(name))) !== undefined;
  const state = async (name: string) => (await context.catalogue.archive(at(name)))?.state;
  /** The table, each of whose calls waits for its turn. */
  function scheduled(scheduler: fc.Scheduler) {
    const turn = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
      await scheduler.schedule(Promise.resolve(), name);
      return act();
    };
    const plain = table;
    return {
      get: (key: Parameters<typeof plain.get>[0]) => turn('get', () => plain.get(key)),
      put: (...args: Parameters<typeof plain.put>) => turn('put', () => plain.put(...args)),
      putAll: (...args: Parameters<typeof plain.putAll>) => turn('putAll', () => plain.putAll(...args)),
      remove: (...args: Parameters<typeof plain.remove>) => turn('remove', () => plain.remove(...args)),
      removeAll: (...args: Parameters<typeof plain.removeAll>) => turn('removeAll', () => plain.removeAll(...args)),
      query: (...args: Parameters<typeof plain.query>) => turn('query', () => plain.query(...args)),
      scan: (...args: Parameters<typeof plain.scan>) => turn('scan', () => plain.scan(...args)),
    };
  }

  it('removes with a tombstone that tells who, why and of which pods', async () => {
    await removeArchives([order('a')], context);
    assert.deepEqual([await isThere('a'), await state('a')], [false, 'deleted']);
    const { items } = await context.custodies.removed({ limit: 10 });
    const { by, reason, at: when, state: done, pods, podCount } = items[0]!.removal!;
    assert.deepEqual([by, reason, when, done], ['ops', 'space', '2026-11-22T17:00:00Z', 'done']);
    assert.deepEqual([podCount, pods.map(({ name }) => name)], [1, ['pod-a']]);
  });

  it('begins no removal after it was stopped, however long the look before took', async () => {
    const stop = new AbortController();
    const stopped: RemovalContext = { ...context, signal: stop.signal };
    const [first] = await removeArchives([order('a'), order('b')], stopped, {
      onRemoved: () => stop.abort(new PodfreightError('interrupted', 'Stopped.')),
    }).catch((error) => [error]);
    assert.ok(isPodfreightError(first, 'interrupted'));
    assert.deepEqual([await isThere('a'), await state('a'), await isThere('b')], [false, 'deleted', true]);
    await assert.rejects(removeArchives([order('c')], stopped), { code: 'interrupted' });
    const request = { policy: { maxAgeDays: 1, keepAtLeast: 0 }, clusters: ['prod'], dryRun: false, by: 'ops' };
    now = new Date('2027-11-22T17:00:00Z');
    await assert.rejects(prune(request, stopped), { code: 'interrupted' });
    assert.deepEqual([await isThere('b'), await isThere('c')], [true, true]);
    assert.equal(await context.custodies.of(at('c')), undefined);
  });

  it('still holds what was held when the object is another than was to be removed by force', async () => {
    await holdArchives([at('a')], ONCALL, context);
    store.write(at('a'), await archiveOf([{ sandboxId: 'a', name: 'another' }])); // and no event has come yet
    await assert.rejects(removeArchives([order('a')], context, { force: true }), { code: 'source-changed' });
    assert.equal(await isThere('a'), true);
    assert.deepEqual((await context.custodies.of(at('a')))?.hold, ONCALL);
    await assert.rejects(removeArchives([order('a')], context), { code: 'held' });
  });

  it('still tells of a removal when the archive came back and was held', async () => {
    await removeArchives([order('a')], context);
    await push('a');
    await holdArchives([at('a')], ONCALL, context);
    assert.equal((await context.custodies.of(at('a')))?.removal?.by, 'ops');
    await unholdArchives([at('a')], context);
    const { items } = await context.custodies.removed({ limit: 10 });
    assert.deepEqual(
      items.map(({ removal, hold }) => [removal?.by, removal?.state, hold]),
      [['ops', 'done', undefined]],
    );
  });

  it('removes none of several when one is held, or is not there', async () => {
    await holdArchives([at('c')], ONCALL, context);
    await assert.rejects(removeArchives([order('a'), order('c')], context), {
      code: 'held',
      message: /oncall.*incident/,
    });
    await assert.rejects(removeArchives([order('a'), order('nobody')], context), { code: 'not-found' });
    assert.ok((await isThere('a')) && (await isThere('c')));
    assert.equal(keeper.locked.size, 1);
    await removeArchives([order('c')], context, { force: true });
    assert.deepEqual([await isThere('c'), keeper.locked.size], [false, 0]);
  });

  it('keeps the first hold, and lifts it', async () => {
    await holdArchives([at('a')], ONCALL, context);
    const [again] = await holdArchives([at('a')], { ...ONCALL, by: 'audit' }, context);
    assert.deepEqual([again?.isNew, again?.hold.by], [false, 'oncall']);
    assert.deepEqual(
      (await context.custodies.held({ limit: 10 })).items.map(({ hold }) => hold),
      [ONCALL],
    );
    assert.equal((await unholdArchives([at('a'), at('b')], context)).length, 1);
    assert.deepEqual((await context.custodies.held({ limit: 10 })).items, []);
    await removeArchives([order('a')], context);
    await assert.rejects(holdArchives([at('a')], ONCALL, context), { code: 'not-found' });
  });

  it('ends in the removal or in the hold when both come at once, and tells which', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        await push('race');
        await unholdArchives([at('race')], context);
        const both = contextOf(scheduled(scheduler));
        const outcome = (work: Promise<unknown>) =>
          work.then(
            () => 'done',
            (error) => (isPodfreightError(error) ? error.code : assert.fail(error)),
          );
        const [hold, removal] = [
          outcome(holdArchives([at('race')], ONCALL, both)),
          outcome(removeArchives([order('race')], both)),
        ];
        await scheduler.waitFor(Promise.all([hold, removal]));
        const ends = `${await hold} ${await removal} ${(await isThere('race')) ? 'there' : 'gone'}`;
        const expected = ['done held there', 'done busy there', 'busy done gone', 'not-found done gone'];
        assert.ok(expected.includes(ends), ends);
      }),
      { numRuns: 100 },
    );
  });

  it('goes on with a removal that was interrupted anywhere', async () => {
    for (let calls = 0; calls < 14; calls++) {
      await push('again');
      let left = calls;
      const { put } = table;
      const { remove } = keeper;
      const die = () => {
        left -= 1;
        if (left < 0) throw new PodfreightError('interrupted', 'Killed.');
      };
      table.put = async (...args) => {
        die();
        return put.apply(table, args);
      };
      keeper.remove = async (...args) => {
        die();
        return remove.apply(keeper, args);
      };
      const first = await removeArchives([order('again')], context).catch((error: PodfreightError) => error.code);
      Object.assign(table, { put });
      Object.assign(keeper, { remove });
      if (first === 'interrupted') {
        const isDeleted = (await state('again')) === 'deleted';
        const second = await removeArchives([order('again')], context).catch((error: PodfreightError) => error.code);
        assert.ok(Array.isArray(second) || (isDeleted && second === 'not-found'), `${second} after ${calls} calls`);
      }
      assert.deepEqual([await isThere('again'), await state('again')], [false, 'deleted']);
      assert.equal((await context.custodies.of(at('again')))?.removal?.state, 'done', `after ${calls} calls`);
    }
  });

  it('lets a hold take over from a removal that nobody ends, which is then too late', async () => {
    const { lock } = keeper;
    let resume = () => {};
    const asleep = new Promise<void>((wake) => {
      resume = wake;
    });
    const { custodies } = context;
    const sleepy: RemovalContext = {
      ...context,
      custodies: {
        ...custodies,
        async replace(before, after) {
          const done = await custodies.replace(before, after);
          await asleep;
          return done;
        },
      },
    };
    const removal = removeArchives([order('a')], sleepy);
    removal.catch(() => {});
    await new Promise(setImmediate);
    while ((await custodies.of(at('a'))) === undefined) await new Promise(setImmediate);
    await assert.rejects(holdArchives([at('a')], ONCALL, context), { code: 'busy' });
    now = new Date(now.getTime() + REMOVAL_MS + 1000);
    await holdArchives([at('a')], ONCALL, context);
    resume();
    await assert.rejects(removal, { code: 'busy' });
    assert.ok(await isThere('a'));
    assert.equal(keeper.lock, lock);
  });

  it('prunes nothing of a pod whose newest checkpoint is not where the catalogue says', async () => {
    const old = { sandboxId: 'old', name: 'app', modifiedAt: new Date('2026-11-01T00:00:00Z') };
    const newer = { sandboxId: 'new', name: 'app', modifiedAt: new Date('2026-11-02T00:00:00Z') };
    for (const pod of [old, newer]) {
      store.write(at(pod.sandboxId), await archiveOf([pod]));
      await catalogueObject({ ...at(pod.sandboxId), sequencer: '00F0', at: '2026-11-22T16:00:00Z' }, context);
    }
    const request = { policy: { keepNewest: 1, keepAtLeast: 1 }, clusters: ['prod'], dryRun: false, by: 'retention' };
    store.delete(at('new')); // of which the event was lost
    const spared = await prune(request, context);
    assert.deepEqual([spared.removed.length, spared.spared.length], [0, 1]);
    assert.match(spared.spared[0]?.because ?? '', /newest checkpoint .* is not where the catalogue says/);
    assert.ok(await isThere('old'));

    store.delete({ ...at('new'), versionId: 'v6' }); // the marker
    const dry = await prune({ ...request, dryRun: true }, context);
    assert.deepEqual([dry.removed.length, await isThere('old')], [1, true]);
    await holdArchives([at('old')], ONCALL, context);
    assert.deepEqual((await prune(request, context)).held.length, 1);
    await unholdArchives([at('old')], context);
    assert.equal((await prune(request, context)).removed.length, 1);
    assert.deepEqual([await isThere('old'), await isThere('new'), await isThere('a')], [false, true, true]);
  });
});
