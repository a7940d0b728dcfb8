import assert from 'node:assert/strict';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Check } from '../../../cli/doctor/finding.ts';
import { examineNode, lookAtFree, lookForEngine } from '../../../cli/doctor/kubelet.ts';
import { FileLock } from '../../../cli/landing/lock.ts';
import { PrivateFolder } from '../../../cli/landing/private-folder.ts';
import { makeNode, PODS } from '../../e2e/nodes.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

const GIB = 2 ** 30;

async function found(target: string, check: string): Promise<Check> {
  const checks = await examineNode(target);
  return checks.find((one) => one.check === check) ?? assert.fail(check);
}

async function emptyTarget(test: TestContext): Promise<string> {
  const target = join(await temporaryFolder(test), 'checkpoints');
  await mkdir(target, { mode: 0o700 });
  return target;
}

test('a directory with pods, and what can be wrong with it', async (test) => {
  const target = await makeNode(await temporaryFolder(test), 'node-a');
  assert.deepEqual(await found(target, 'directory'), {
    check: 'directory',
    state: 'ok',
    message: `${target} has 2 pods.`,
  });
  assert.equal((await found(target, 'inserts')).state, 'ok');

  await chmod(target, 0o755);
  const open = await found(target, 'directory');
  assert.deepEqual([open.state, open.advice], ['warning', `Run "chmod 0700 ${target}".`]);

  await rm(join(target, `${PODS.counters}.tar`));
  const lacking = await found(target, 'directory');
  assert.equal(lacking.state, 'warning');
  assert.match(lacking.message, new RegExp(`names files that are not there: ${PODS.counters}\\.tar\\.`));

  await writeFile(join(target, 'checkpointed.pods'), '{');
  const broken = await found(target, 'directory');
  assert.deepEqual([broken.state, broken.code], ['problem', 'invalid-manifest']);
});

test('no directory, or something else in its place', async (test) => {
  const target = join(await temporaryFolder(test), 'checkpoints');
  assert.equal((await found(target, 'directory')).state, 'note');
  assert.equal((await found(target, 'space')).state, 'ok');
  await writeFile(target, '');
  const file = await found(target, 'directory');
  assert.deepEqual([file.state, file.code], ['problem', 'not-found']);
});

test('inserts: none, held, dead, alive, cut off, and a folder that others could write in', async (test) => {
  const target = await emptyTarget(test);
  assert.equal((await found(target, 'inserts')).message, 'Nothing was ever inserted here.');
  const folder = await PrivateFolder.open(target);
  assert.equal((await found(target, 'inserts')).state, 'ok');
  {
    using _ = await folder.lock();
    assert.match((await found(target, 'inserts')).message, /holds the directory/);
  }

  const partial = join(folder.path, 'partial-0123456789abcdef');
  await mkdir(partial);
  assert.match((await found(target, 'inserts')).message, /A pull was cut off/);

  const staging = join(folder.path, 'staging-0123456789abcdef');
  await mkdir(staging);
  {
    using _ = await FileLock.take(join(staging, 'lock'), { waitMs: 0 });
    assert.equal((await found(target, 'inserts')).message, 'An insert is under way.');
  }
  const dead = await found(target, 'inserts');
  assert.equal(dead.state, 'warning');
  assert.match(dead.message, /^An insert ended before its time/);

  await chmod(folder.path, 0o777);
  const open = await found(target, 'inserts');
  assert.deepEqual([open.state, open.code], ['problem', 'conflict']);
});

test('space: enough, little, less than the kubelet bears, none', () => {
  const free = (freeBytes: number, sizeBytes = 100 * GIB) => lookAtFree({ path: '/x', freeBytes, sizeBytes }).state;
  assert.equal(free(50 * GIB), 'ok');
  assert.equal(free(9 * GIB), 'warning');
  assert.equal(free(GIB / 2, GIB), 'warning');
  assert.equal(free(0), 'problem');
});

test('engine: by its socket, and CRIU in $PATH', async (test) => {
  const folder = await temporaryFolder(test);
  const sockets = { 'CRI-O': join(folder, 'crio.sock') };
  assert.equal((await lookForEngine(sockets, folder)).state, 'note');
  await writeFile(join(folder, 'crio.sock'), '');
  await writeFile(join(folder, 'criu'), '');
  assert.equal((await lookForEngine(sockets, folder)).message, 'CRI-O and CRIU are here.');
});
