import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Checkpoint, checkpointOf, planPruning } from '../../../core/retention/plan-pruning.ts';
import { parseRetentionPolicy, type RetentionPolicy } from '../../../core/retention/policy.ts';
import { archiveRecord, podRecord } from '../../contracts/catalogue.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000).toISOString().replace('.000', '');

function checkpoint(archive: string, days: number, fields: Partial<Checkpoint> = {}): Checkpoint {
  const at = daysAgo(days);
  return {
    archive,
    pod: 'p',
    sandboxId: `s-${archive}`,
    checkpointedAt: at,
    storedAt: at,
    content: archive,
    ...fields,
  };
}

const identity = ({ sandboxId, checkpointedAt, content }: Checkpoint) =>
  JSON.stringify([sandboxId, checkpointedAt, content]);

const checkpoints = fc.array(
  fc
    .record({
      archive: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      pod: fc.constantFrom('p', 'q', 'r'),
      sandboxId: fc.constantFrom('s', 't'),
      days: fc.integer({ min: 0, max: 9 }),
      content: fc.constantFrom('x', 'y'),
    })
    .map(({ archive, days, ...fields }) => checkpoint(archive, days, fields)),
  { maxLength: 30 },
);
const policies: fc.Arbitrary<RetentionPolicy> = fc
  .record({
    keepAtLeast: fc.integer({ min: 0, max: 3 }),
    more: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    maxAgeDays: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
  })
  .map(({ keepAtLeast, more, maxAgeDays }) => ({
    keepAtLeast,
    ...(more !== undefined && { keepNewest: Math.max(1, keepAtLeast + more) }),
    ...(maxAgeDays !== undefined && { maxAgeDays }),
  }));
const holds = fc.uniqueArray(fc.constantFrom('a', 'b', 'c')).map((archives) => new Set(archives));

describe('planPruning', () => {
  it('counts copies once also where S3 had them before they say that they were taken', () => {
    const record = podRecord(archiveRecord(), { claimedAt: '2090-01-01T00:00:00Z' });
    const copy = { ...record, storedAt: '2026-11-22T14:00:00Z', checkpointedAt: '2026-11-22T14:00:00Z' };
    const older = podRecord(archiveRecord(), { checkpointedAt: '2026-11-22T10:00:00Z', sha256: 'cd'.repeat(32) });
    const plan = planPruning(
      [record, copy, older].map(checkpointOf),
      new Set(),
      { keepNewest: 2, keepAtLeast: 1 },
      new Date('2026-11-23T00:00:00Z'),
    );
    assert.deepEqual(plan.remove, []);
  });

  it('takes no checkpoint for newer than its archive, whatever the clock of its node said', () => {
    const ahead = checkpoint('ahead', 5, { checkpointedAt: '2090-01-01T00:00:00Z' });
    const all = [ahead, checkpoint('later', 1), checkpoint('older', 9)];
    const removed = (policy: RetentionPolicy) =>
      planPruning(all, new Set(), policy, NOW).remove.map(({ archive }) => archive);
    assert.deepEqual(removed({ keepNewest: 1, keepAtLeast: 1 }), ['ahead', 'older']);
    assert.deepEqual(removed({ maxAgeDays: 3, keepAtLeast: 0 }), ['ahead', 'older']);
  });

  it('keeps what is held, the newest of each pod and everything younger, whatever the policy', () => {
    fc.assert(
      fc.property(checkpoints, holds, policies, (all, held, policy) => {
        const { remove, relied } = planPruning(all, held, policy, NOW);
        const gone = new Set(remove.map(({ archive }) => archive));
        for (const archive of gone) assert.ok(!(held as ReadonlySet<string>).has(archive), 'held');
        for (const pod of new Set(all.map((one) => one.pod))) {
          const its = all.filter((one) => one.pod === pod);
          const left = its.filter(({ archive }) => !gone.has(archive));
          const distinct = new Set(its.map(identity)).size;
          assert.ok(new Set(left.map(identity)).size >= Math.min(distinct, policy.keepAtLeast), 'too few are left');
          const newest = its
            .map(({ checkpointedAt }) => checkpointedAt)
            .sort()
            .at(-1)!;
          if (policy.keepAtLeast > 0)
            assert.ok(
              left.some(({ checkpointedAt }) => checkpointedAt === newest),
              'the newest',
            );
          for (const one of its.filter(({ archive }) => gone.has(archive))) {
            const isOld = policy.maxAgeDays !== undefined && one.checkpointedAt < daysAgo(policy.maxAgeDays);
            const newer = new Set(
              its.filter(({ checkpointedAt }) => checkpointedAt >= one.checkpointedAt).map(identity),
            );
            assert.ok(isOld || newer.size > (policy.keepNewest ?? Number.POSITIVE_INFINITY), 'no rule lets it go');
          }
        }
        for (const { checkpoints: its } of remove) {
          for (const { pod } of its) assert.equal(relied.has(pod), true);
        }
      }),
    );
  });

  it('lets nothing be kept that the policy lets go, but for a hold or an archive that holds something kept', () => {
    fc.assert(
      fc.property(checkpoints, policies, (all, policy) => {
        const once = planPruning(all, new Set(), policy, NOW);
        const gone = new Set(once.remove.map(({ archive }) => archive));
        const again = planPruning(
          all.filter(({ archive }) => !gone.has(archive)),
          new Set(),
          policy,
          NOW,
        );
        assert.deepEqual(again.remove, [], 'what is left stays');
        const held = planPruning(all, new Set(['a']), policy, NOW);
        assert.deepEqual(
          held.held.map(({ archive }) => archive),
          gone.has('a') ? ['a'] : [],
        );
      }),
    );
  });

  it('says why', () => {
    const all = [checkpoint('a', 1), checkpoint('b', 2), checkpoint('c', 40)];
    const reasons = (policy: object) =>
      planPruning(all, new Set(), parseRetentionPolicy(policy, 'It'), NOW).remove.map(({ archive, reason }) => [
        archive,
        reason,
      ]);
    assert.deepEqual(reasons({ keepNewest: 2 }), [['c', 'p has 2 newer checkpoints, the newest 2 are kept']]);
    assert.deepEqual(reasons({ maxAgeDays: 30 }), [['c', 'p was checkpointed 40 days ago, 30 days are kept']]);
    assert.deepEqual(reasons({ maxAgeDays: 30, keepAtLeast: 3 }), []);
  });

  it('counts copies of a checkpoint once', () => {
    const copy = { sandboxId: 's', content: 'same' };
    const all = [checkpoint('a', 1, copy), checkpoint('b', 1, copy), checkpoint('c', 2), checkpoint('d', 3)];
    const { remove } = planPruning(all, new Set(), { keepNewest: 2, keepAtLeast: 1 }, NOW);
    assert.deepEqual(
      remove.map(({ archive }) => archive),
      ['d'],
    );
  });

  it('keeps an archive as long as one pod in it is kept', () => {
    const all = [checkpoint('a', 9, { pod: 'p' }), checkpoint('a', 9, { pod: 'q' }), checkpoint('b', 1, { pod: 'p' })];
    assert.deepEqual(planPruning(all, new Set(), { keepNewest: 1, keepAtLeast: 1 }, NOW).remove, []);
  });
});

describe('parseRetentionPolicy', () => {
  it('refuses what says nothing or contradicts itself', () => {
    for (const [policy, message] of [
      [{}, /says nothing/],
      [{ keepAtLeast: 2 }, /says nothing/],
      [{ keepNewest: 0 }, /from 1 to/],
      [{ keepNewest: 1.5 }, /whole number/],
      [{ keepNewst: 1 }, /unknown rule "keepNewst"/],
      [{ keepNewest: 1, keepAtLeast: 2 }, /one of them is wrong/],
      [[], /must be an object/],
    ] as const) {
      assert.throws(() => parseRetentionPolicy(policy, 'It'), { code: 'usage', message });
    }
    assert.deepEqual(parseRetentionPolicy({ maxAgeDays: 30 }, 'It'), { keepAtLeast: 1, maxAgeDays: 30 });
  });
});
