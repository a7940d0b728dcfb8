import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { KubeletDirectory } from '../../../cli/kubelet-directory.ts';
import { PrivateFolder } from '../../../cli/landing/private-folder.ts';
import { isTidy, rollBackDead } from '../../../cli/landing/rollback.ts';
import { Staging } from '../../../cli/landing/staging.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

const DEAD = 8;
const ALIVE = 8;

test('inserts that fail, and remove their stagings, while the dead are cleared up are none of its business', async (t) => {
  const target = new KubeletDirectory(await temporaryFolder(t));
  const folder = await PrivateFolder.open(target.path);
  for (let i = 0; i < DEAD; i += 1) await mkdir(join(folder.path, `staging-${i}`.padEnd(24, '0')));
  using _ = await folder.lock();
  const alive = await Promise.all(Array.from({ length: ALIVE }, () => Staging.create(folder.path)));
  await Promise.all([rollBackDead(target, folder), ...alive.map((staging) => staging[Symbol.asyncDispose]())]);
  assert.ok(await isTidy(folder));
});
