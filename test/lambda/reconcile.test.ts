import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { tableCatalogue } from '../../core/catalogue/table-catalogue.ts';
import { tableSurvey } from '../../core/catalogue/table-survey.ts';
import { reconcileHandler } from '../../lambda/reconcile-handler.ts';
import { archiveOf } from '../core/catalogue/archives.ts';
import { MemoryBucketListing } from '../memory/bucket-listing.ts';
import { MemoryItemTable } from '../memory/item-table.ts';
import { VersionedArchiveStore } from '../memory/versioned-archive-store.ts';
import { lambdaContext } from './invocation.ts';

const TICK = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };

describe('reconcile function', () => {
  let handler: ReturnType<typeof reconcileHandler>;
  let now: Date;
  beforeEach(async () => {
    const store = new VersionedArchiveStore();
    const table = new MemoryItemTable();
    const listing = new MemoryBucketListing(store, ['archives', 'bundles']);
    const [catalogue, survey] = [tableCatalogue(table), tableSurvey(table)];
    now = new Date(store.now.getTime() + 60_000);
    const buckets = { archivesBucket: 'archives', bundlesBucket: 'bundles' };
    handler = reconcileHandler({ store, listing, catalogue, survey, ...buckets, everyHours: 24, now: () => now });
    store.write({ bucket: 'archives', key: 'prod/n/a/1.tar.zst' }, await archiveOf([{ sandboxId: 'a' }]));
  });
  const invoke = async (event: unknown) => {
    const answer = await handler(event, lambdaContext());
    return answer.state === 'not due' ? answer.state : { state: answer.state, ...answer.counts };
  };
  const passHours = (hours: number) => {
    now = new Date(now.getTime() + hours * 3_600_000);
  };

  it('compares when the clock says that it is time', async () => {
    const first = await invoke(TICK);
    assert.ok(first !== 'not due' && first.state === 'finished' && first.young === 1);
    passHours(1);
    assert.equal(await invoke(TICK), 'not due');
    passHours(23);
    const second = await invoke(TICK);
    assert.ok(second !== 'not due' && second.uncatalogued === 1);
  });

  it('compares at once when it is asked, with whatever grace', async () => {
    await invoke(TICK);
    const asked = await invoke({ graceSeconds: 0 });
    assert.ok(asked !== 'not due' && asked.uncatalogued === 1);
    const again = await invoke({});
    assert.ok(again !== 'not due' && again.uncatalogued === 0);
  });

  it('refuses what it does not understand', async () => {
    for (const event of [{ graceSeconds: 'none' }, { graceSeconds: -1 }, { grace: 1 }]) {
      await assert.rejects(invoke(event), { code: 'usage' });
    }
  });
});
