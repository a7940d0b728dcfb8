import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, statfs, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { localS3 } from '../aws/local-s3.ts';
import { allArchivesIn, archivesOf, environmentOf, identitiesOf, Node, type Sample, sample, until } from './agent.ts';
import { Cloud } from './cloud.ts';
import { smallDisk } from './small-disk.ts';

const MiB = 2 ** 20;

describe('podfreight agent --prune', { timeout: 900_000 }, () => {
  const cloud = new Cloud();
  const shipped = (node: Node) => allArchivesIn(archivesOf(cloud), `default/${node.name}/`);

  test('--prune keeps the newest, removes the confirmed, and never what was written since', async (t) => {
    const node = await Node.make(t, 'prune', cloud.stack.environment);
    const [old, changed, newest] = ['20', '21', '22'].map((day) =>
      sample({ checkpointedAt: `2026-11-${day}T14:31:07+01:00`, seed: Number(day) }),
    ) as [Sample, Sample, Sample];
    for (const one of [old, changed, newest]) await writeFile(node.path(one), one.bytes);
    assert.equal((await node.flush()).code, 0);
    assert.deepEqual((await readdir(node.directory)).sort(), [old, changed, newest].map(({ name }) => name).sort());
    await cloud.stack.settled();
    await truncate(node.path(changed), 30_000);
    const agent = await node.agent('--prune', '--keep', '1');
    await until('one is removed', async () => (await agent.metric('files_removed_total')) === 1);
    await until('the other was looked at', async () => (await agent.metric('waiting_files{for="end"}')) === 1);
    assert.deepEqual((await readdir(node.directory)).sort(), [changed.name, newest.name].sort());
    assert.equal((await agent.stop()).code, 0);
    assert.deepEqual(await shipped(node), identitiesOf([old, changed, newest]));
  });

  test('--prune removes nothing that the catalogue does not have', async (t) => {
    const s3 = await localS3();
    t.after(() => s3[Symbol.asyncDispose]());
    const env = { ...cloud.stack.environment, ...environmentOf(s3) };
    const node = await Node.make(t, 'unknown', env);
    const samples = ['20', '21'].map((day) => sample({ checkpointedAt: `2026-11-${day}T14:31:07+01:00` }));
    for (const one of samples) await writeFile(node.path(one), one.bytes);
    const agent = await node.agent('--prune', '--keep', '0', '--min-free', '99%');
    await until('all is shipped', async () => (await agent.metric('files_shipped_total')) === 2);
    const at = await agent.metric('last_sweep_timestamp_seconds');
    await until('it has swept', async () => (await agent.metric('last_sweep_timestamp_seconds')) > at + 2);
    assert.equal((await agent.stop()).code, 0);
    assert.equal((await readdir(node.directory)).length, 2);
  });

  test('--prune on a full disk that holds the state as well', async (t) => {
    const disk = await smallDisk(t, 6 * MiB);
    if (typeof disk === 'string') return t.skip(disk);
    const node = await Node.make(t, 'full', cloud.stack.environment, disk);
    const agent = await node.agent('--prune', '--keep', '1', '--min-free', '30%');
    agent.child.kill('SIGSTOP'); // until the disk is full, however long that takes
    const samples: Sample[] = [];
    const total = 10;
    let refused = 0;
    for (let i = 0; i < total; i++) {
      const one = sample({ pod: `pod-${i}`, uid: `uid-${i}`, seed: i, pagesBytes: 900 * 1024 });
      samples.push(one);
      await until('there is room for the next', async () => {
        try {
          await writeFile(node.path(one), one.bytes);
          return true;
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
          refused += 1;
          agent.child.kill('SIGCONT');
          return false; // and the part of it stays there
        }
      });
    }
    assert.ok(refused > 0, 'the disk was full');
    await until('all is shipped', async () => (await agent.metric('files_shipped_total')) === total);
    await until('there is room', async () => {
      const { bavail, blocks } = await statfs(disk.outside);
      return bavail / blocks >= 0.3;
    });
    assert.equal((await agent.stop()).code, 0);
    assert.deepEqual(await shipped(node), identitiesOf(samples));
  });
});

test('podfreight agent --prune  # SIGTERM while the catalogue takes its time: it waits for that, and ends well', {
  timeout: 300_000,
}, async (t) => {
  const s3 = await localS3();
  t.after(() => s3[Symbol.asyncDispose]());
  const asked = Promise.withResolvers<void>();
  const catalogue = createServer((_, response) => {
    asked.resolve();
    setTimeout(() => response.end('{}'), 4500); // longer than other commands may take to stop
  }).listen(0, '127.0.0.1');
  t.after(() => catalogue.close());
  await once(catalogue, 'listening');
  const { port } = catalogue.address() as AddressInfo;
  const env = { PODFREIGHT_TABLE: 'catalogue', AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}` };
  const node = await Node.make(t, 'patient', { ...environmentOf(s3), ...env });
  const one = sample();
  await writeFile(node.path(one), one.bytes);
  const agent = await node.agent('--prune', '--keep', '0');
  await asked.promise;
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  assert.deepEqual(await readdir(node.directory), [one.name]);
});
