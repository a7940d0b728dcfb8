import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { inMountNamespace, noMount } from './mounts.ts';
import { noTrap } from './trap.ts';

for (const kind of ['ext4', 'xfs'] as const) {
  test(`podfreight insert  # the power of its ${kind} is cut`, async (t) => {
    const reason = noTrap() || noMount(kind, await temporaryFolder(t));
    if (reason) return t.skip(reason);
    const { cuts, acknowledged } = await inMountNamespace('power-cut.ts', [kind, await temporaryFolder(t)]);
    assert.ok(cuts! > 5);
    t.diagnostic(`${cuts} power cuts, ${acknowledged} of them right after an insert had ended well`);
  });
}

test('podfreight insert  # into file systems that are too small', async (t) => {
  const reason = noTrap() || noMount('tmpfs', await temporaryFolder(t));
  if (reason) return t.skip(reason);
  const { sizes, tooSmall } = await inMountNamespace('full-disk.ts', [await temporaryFolder(t)]);
  assert.ok(tooSmall! > 5 && tooSmall! < sizes!);
  t.diagnostic(`${sizes} sizes, ${tooSmall} of them too small`);
});
