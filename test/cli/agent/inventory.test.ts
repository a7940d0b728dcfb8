import assert from 'node:assert/strict';
import { appendFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inventory, type Ledger } from '../../../cli/agent/inventory.ts';
import { makeNode, PODS } from '../../e2e/nodes.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

const NAME = 'checkpoint-a_b-c-2026-11-22T14:31:07Z.tar';
const HOUR_MS = 3_600_000;

function ledger(isStored: Ledger['isStored'] = () => false) {
  const kept: string[][] = [];
  return { kept, isStored, keepOnly: (_: string, names: ReadonlySet<string>) => void kept.push([...names].sort()) };
}

async function withArchive(t: TestContext) {
  const directory = await temporaryFolder(t);
  await writeFile(join(directory, NAME), 'archive');
  return directory;
}

test('archives by their names, and only regular files', async (t) => {
  const directory = await withArchive(t);
  await writeFile(join(directory, 'notes.tar'), '');
  await mkdir(join(directory, NAME.replace('-c-', '-d-')));
  await symlink(NAME, join(directory, NAME.replace('-c-', '-e-')));
  const state = ledger();
  const inventory = new Inventory(directory, state);
  await inventory.refresh(0);
  assert.deepEqual(
    [...inventory.files].map(({ name, kind }) => [name, kind]),
    [[NAME, 'archive']],
  );
  assert.deepEqual(state.kept, [[NAME]]);
  await rm(join(directory, NAME));
  await inventory.refresh(0);
  assert.deepEqual([...inventory.files], []);
});

test('a file that changes begins anew, one that does not goes on', async (t) => {
  const directory = await withArchive(t);
  const inventory = new Inventory(directory, ledger());
  await inventory.refresh(0);
  const first = inventory.file(NAME)!;
  first.putOff('end');
  await inventory.refresh(0);
  assert.equal(inventory.file(NAME), first);
  await appendFile(join(directory, NAME), '!');
  await inventory.refresh(0);
  const second = inventory.file(NAME)!;
  assert.notEqual(second, first);
  assert.deepEqual([second.phase, second.failures], ['settling', 0]);
});

test('what was left alone for long enough before anybody looked is not waited for', async (t) => {
  const directory = await withArchive(t);
  await sleep(60);
  const isDue = async (settleMs: number) => {
    const inventory = new Inventory(directory, ledger());
    await inventory.refresh(settleMs);
    return inventory.file(NAME)!.dueAt <= performance.now();
  };
  assert.equal(await isDue(50), true);
  assert.equal(await isDue(HOUR_MS), false);
});

test('what was shipped is known by its version', async (t) => {
  const directory = await withArchive(t);
  const versions: string[] = [];
  const inventory = new Inventory(
    directory,
    ledger((_, name, version) => name === NAME && versions.push(version) > 0),
  );
  await inventory.refresh(HOUR_MS);
  assert.equal(inventory.file(NAME)!.phase, 'stored');
  assert.deepEqual(versions, [inventory.file(NAME)!.version]);
});

test('pods that a manifest names; one that cannot be read takes nothing from the archives', async (t) => {
  const directory = await makeNode(await temporaryFolder(t), 'node-a');
  await writeFile(join(directory, NAME), 'archive');
  const inventory = new Inventory(directory, ledger());
  await inventory.refresh(0);
  const kinds = new Map([...inventory.files].map(({ name, kind }) => [name, kind]));
  assert.equal(kinds.get(`${PODS.redisOnA}.tar`), 'pod');
  assert.equal(kinds.get(NAME), 'archive');
  await writeFile(join(directory, 'checkpointed.pods'), '{');
  await assert.rejects(inventory.refresh(0), { code: 'invalid-manifest' });
  assert.deepEqual(
    [...inventory.files].map(({ name }) => name),
    [NAME],
  );
});
