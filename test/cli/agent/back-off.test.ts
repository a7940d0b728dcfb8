import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backOffMs } from '../../../cli/agent/back-off.ts';

test('each pause is longer than the one before, up to a limit, for as long as it takes', () => {
  const limits = { first: 1000, most: 60_000 };
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), chance, chance, (failures, one, other) => {
      const pause = backOffMs(failures, limits, one);
      assert.ok(pause >= 750 && pause <= 60_000);
      const next = backOffMs(failures + 1, limits, other);
      assert.ok(next >= pause || next >= 45_000, `${pause}, then ${next}`);
    }),
  );
});
