import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { catalogueObject } from '../../../core/catalogue/catalogue-archive.ts';
import type { ItemTable } from '../../../core/catalogue/item-table.ts';
import { regionalTable } from '../../../core/catalogue/regional-table.ts';
import { tableCatalogue } from '../../../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../../../core/catalogue/table-survey.ts';
import { holdArchives, unholdArchives } from '../../../core/custody/hold-archives.ts';
import { type RemovalContext, removeArchives } from '../../../core/custody/remove-archives.ts';
import { tableCustodies } from '../../../core/custody/table-custodies.ts';
import { openIfThere } from '../../../core/open-if-there.ts';
import { MemoryArchiveKeeper } from '../../memory/archive-keeper.ts';
import { MemoryItemTable } from '../../memory/item-table.ts';
import { VersionedArchiveStore } from '../../memory/versioned-archive-store.ts';
import { archiveOf } from '../catalogue/archives.ts';

const ARCHIVE = { bucket: 'archives-us', key: 'prod/n/a/20261122T132000Z.tar.zst' };
const ONCALL = { by: 'oncall', reason: 'incident', at: '2026-11-22T17:00:00Z' };
const OPS = { by: 'ops', reason: 'space' };

/** Two copies of a global table, of which neither has heard from the other since the archive was catalogued. */
describe('custody in two regions', () => {
  let store: VersionedArchiveStore;
  let eu: RemovalContext;
  let us: RemovalContext;

  beforeEach(async () => {
    store = new VersionedArchiveStore();
    store.write(ARCHIVE, await archiveOf([{ sandboxId: 'a', name: 'web' }]));
    const copies = { eu: new MemoryItemTable(), us: new MemoryItemTable() };
    const keeper = new MemoryArchiveKeeper(store, { hasLocks: true });
    const contextOf = (table: ItemTable): RemovalContext => ({
      ...{ store, keeper, now: () => new Date('2026-11-22T17:00:00Z') },
      ...{ catalogue: tableCatalogue(table), survey: tableSurvey(table), custodies: tableCustodies(table) },
    });
    for (const copy of Object.values(copies)) {
      await catalogueObject({ ...ARCHIVE, sequencer: '01', at: '2026-11-22T16:00:00Z' }, contextOf(copy));
    }
    const home = ({ bucket }: { bucket: string }) => (bucket.endsWith('-us') ? copies.us : copies.eu);
    eu = contextOf(regionalTable(copies.eu, home));
    us = contextOf(regionalTable(copies.us, home));
  });

  it('keeps from one region what was held a moment ago from the other', async () => {
    await holdArchives([ARCHIVE], ONCALL, eu);
    await assert.rejects(removeArchives([{ location: ARCHIVE, ...OPS }], us), { code: 'held' });
    assert.ok(await openIfThere(store, ARCHIVE));
    assert.equal((await unholdArchives([ARCHIVE], us)).length, 1);
  });

  it('knows in one region at once what was removed from the other', async () => {
    await removeArchives([{ location: ARCHIVE, ...OPS }], eu);
    assert.equal((await us.catalogue.archive(ARCHIVE))?.state, 'deleted');
    assert.deepEqual((await us.catalogue.podsOf(ARCHIVE, { limit: 10 })).items, []);
    await assert.rejects(holdArchives([ARCHIVE], ONCALL, us), { code: 'not-found' });
  });

  it('lists what the nearest copy has heard of', async () => {
    await holdArchives([ARCHIVE], ONCALL, eu);
    const held = async ({ custodies }: RemovalContext) => (await custodies.held({ limit: 10 })).items.length;
    assert.deepEqual([await held(us), await held(eu)], [1, 0]);
  });
});
