import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startCatalogueTable } from '../aws/catalogue-table.ts';
import { type Buckets, startBuckets } from './bucket.ts';
import { Chance } from './chance.ts';
import {
  assertTableEqualsBucket,
  Changes,
  type Cloud,
  deliver,
  type Messages,
  messagesOf,
  reconcileAll,
} from './storm.ts';

/** `npm run test:events` takes the whole; else a slice. */
const isWhole = process.env.EVENTS === 'all';
const { objects, changes } = isWhole ? { objects: 2000, changes: 10_000 } : { objects: 60, changes: 90 };
const ROUNDS = 4;
const SEED = Number(process.env.EVENTS_SEED ?? 1);

describe(`${changes} events about ${objects} objects, tripled, shuffled, some lost, functions killed (seed ${SEED})`, () => {
  const chance = new Chance(SEED);
  let buckets: Buckets;
  let cloud: Cloud & { close(): Promise<void> };
  before(async () => {
    buckets = await startBuckets();
    cloud = { buckets, ...(await startCatalogueTable({ maxAttempts: 5 })) };
  });
  after(async () => {
    await cloud?.close();
    await buckets?.close();
  });

  it('leave a table that equals the bucket exactly, after reconcile', async (test) => {
    const made = await Changes.of(buckets, chance);
    let waiting: Messages = { queued: [], lost: [] };
    let told = 0;
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // While the next changes are made, half of what is waiting is delivered.
      const half = waiting.queued.length / 2;
      const now = { ...waiting, queued: waiting.queued.slice(0, half) };
      const later = waiting.queued.slice(half);
      const [, delivery] = await Promise.all([
        made.make(objects / ROUNDS, changes / ROUNDS),
        deliver(now, cloud, chance),
      ]);
      killed += delivery.killed;
      const events = buckets.events.splice(0);
      told += events.length;
      const { queued, lost } = messagesOf(events, chance);
      waiting = { queued: chance.shuffled([...later, ...queued]), lost };
    }
    killed += (await deliver(waiting, cloud, chance)).killed;
    // Of few objects, chance may lose nothing that matters.
    if (isWhole) {
      assert.ok(told >= changes * 0.95 && killed > 100, `${told} events, ${killed} killed`);
      await assert.rejects(assertTableEqualsBucket(cloud), 'events were lost, so that something must differ');
    }
    const { run, killed: cut } = await reconcileAll(cloud, chance, { kills: 10 });
    const archives = await assertTableEqualsBucket(cloud);
    assert.equal(run.counts.failed, 0);
    test.diagnostic(
      `${told} events, ${killed} batches killed; then ${archives} archives, reconcile killed ${cut} times: ${JSON.stringify(run.counts)}`,
    );

    const again = await reconcileAll(cloud, new Chance(2));
    const { compared, ...differences } = again.run.counts;
    assert.ok(compared > 0);
    assert.deepEqual(new Set(Object.values(differences)), new Set([0]), 'nothing differs any more');
  });

  it('may all be lost: reconcile makes the table anew', async () => {
    await using table = {
      ...(await startCatalogueTable({ maxAttempts: 5 })),
      [Symbol.asyncDispose]: () => table.close(),
    };
    const { run } = await reconcileAll({ buckets, ...table }, chance);
    assert.equal(run.counts.uncatalogued, await assertTableEqualsBucket({ buckets, ...table }));
  });
});
