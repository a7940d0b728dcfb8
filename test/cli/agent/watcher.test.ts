import assert from 'node:assert/strict';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Watcher } from '../../../cli/agent/watcher.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

test('a directory that is missing, comes, and is replaced under its name', async (t) => {
  const directory = join(await temporaryFolder(t), 'checkpoints');
  let changes = 0;
  using watcher = new Watcher(directory, () => {
    changes += 1;
  });
  const hears = async (name: string) => {
    const before = changes;
    await writeFile(join(directory, name), '');
    for (let i = 0; i < 600 && changes === before; i++) await sleep(50);
    return changes > before;
  };
  assert.equal(watcher.begin()?.code, 'ENOENT');
  await mkdir(directory);
  assert.equal(watcher.begin(), undefined);
  assert.equal(await hears('a'), true);
  await rename(directory, `${directory}.old`);
  await mkdir(directory);
  assert.equal(watcher.begin(), undefined);
  assert.equal(await hears('b'), true);
});
