import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, open, readdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { S3ArchiveStore } from '../../aws/s3-archive-store.ts';
import { s3Client } from '../../aws/s3-client.ts';
import { CREDENTIALS, localS3 } from '../aws/local-s3.ts';
import { archivesIn, identityOf, keysOf, Node, type Sample, sample, until } from './agent.ts';
import { Cloud } from './cloud.ts';
import { makeNode, PODS } from './nodes.ts';
import { temporaryFolder } from './podfreight.ts';

const MiB = 2 ** 20;

describe('podfreight agent', () => {
  const cloud = new Cloud();
  const nodeOf = (t: TestContext, name: string) => Node.make(t, name, cloud.stack.environment);
  const keys = (node: Node) => keysOf(cloud.s3, cloud.archives, `default/${node.name}/`);

  /** All container archives that S3 has of a node, sorted. */
  async function shipped(node: Node): Promise<string[]> {
    const store = storeOf(cloud);
    const found: string[] = [];
    for (const key of await keys(node)) found.push(...(await archivesIn(store, cloud.archives, key)));
    return found.sort();
  }

  const identities = (samples: readonly Sample[]) => samples.map(identityOf).sort();

  test('an archive that is written slowly, in place, goes up once it is whole', async (t) => {
    const node = await nodeOf(t, 'slow');
    const agent = await node.agent();
    const slow = sample({ pagesBytes: 400 * 1024 });
    await using file = await open(node.path(slow), 'w', 0o600);
    for (let at = 0; at < slow.bytes.length; at += 20_000) {
      await file.write(slow.bytes.subarray(at, at + 20_000));
      await sleep(150);
      assert.deepEqual(await keys(node), []);
    }
    await file.close();
    await until('it is shipped', async () => (await agent.metric('files_shipped_total')) === 1);
    assert.deepEqual(await shipped(node), identities([slow]));
    assert.equal(await agent.metric('oldest_waiting_seconds'), 0);
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
    for (const line of stderr.trim().split('\n')) {
      const { time, level, message } = JSON.parse(line);
      assert.ok(!Number.isNaN(Date.parse(time)) && ['info', 'warn'].includes(level) && message !== '', line);
      assert.ok(!line.includes(CREDENTIALS.secretAccessKey) && !line.includes(cloud.setting('AWS_SECRET_ACCESS_KEY')));
    }
  });

  test('a file that is cut off waits, is told of, and goes up when the rest is there', async (t) => {
    const node = await nodeOf(t, 'cut');
    const [cut, other] = [sample(), sample({ uid: 'other', pod: 'other' })];
    await writeFile(node.path(cut), cut.bytes.subarray(0, 20_000));
    await writeFile(node.path(other), other.bytes);
    const flushed = await node.flush();
    assert.equal(flushed.code, 5, flushed.stderr);
    assert.match(flushed.stderr, /ends early/);
    assert.deepEqual(await shipped(node), identities([other]));

    const agent = await node.agent();
    await until('it was looked at', async () => (await agent.metric('waiting_files{for="end"}')) === 1);
    assert.ok((await agent.metric('failures_total{code="invalid-archive"}')) > 0);
    assert.ok((await agent.metric('oldest_waiting_seconds')) > 0);
    await appendFile(node.path(cut), cut.bytes.subarray(20_000));
    await until('it is shipped', async () => (await agent.metric('files_shipped_total')) === 1);
    assert.deepEqual(await shipped(node), identities([cut, other]));
  });

  test('a shorter archive written over a longer one goes up without what is left of that', async (t) => {
    const node = await nodeOf(t, 'shorter');
    const [long, short] = [sample({ pagesBytes: 200 * 1024 }), sample({ pagesBytes: 40 * 1024, seed: 7 })];
    assert.equal(long.name, short.name);
    await writeFile(node.path(long), long.bytes);
    assert.equal((await node.flush()).code, 0);
    await using file = await open(node.path(short), 'r+');
    await file.write(short.bytes, 0, short.bytes.length, 0);
    await file.close();
    assert.equal((await node.flush()).code, 0);
    assert.deepEqual(await shipped(node), identities([long, short]));
  });

  test('containers of one pod go together, older archives of them by themselves', async (t) => {
    const node = await nodeOf(t, 'together');
    const samples = [
      sample(),
      sample({ container: 'sidecar', seed: 3, checkpointedAt: '2026-11-22T14:31:10+01:00' }),
      sample({ checkpointedAt: '2026-11-21T14:31:10+01:00', seed: 4 }),
    ];
    for (const one of samples) await writeFile(node.path(one), one.bytes);
    const { code, stderr } = await node.flush();
    assert.equal(code, 0, stderr);
    assert.equal((await keys(node)).length, 2);
    assert.deepEqual(await shipped(node), identities(samples));
  });

  test('without its state it sends nothing again, also what would go together now', async (t) => {
    const node = await nodeOf(t, 'forgetful');
    const samples = [sample(), sample({ container: 'sidecar', seed: 3 })];
    for (const one of samples) {
      await writeFile(node.path(one), one.bytes);
      assert.equal((await node.flush()).code, 0);
    }
    const before = await keys(node);
    assert.equal(before.length, 2);
    await cloud.stack.settled();
    await rm(node.state);
    const again = await node.flush();
    assert.equal(again.code, 0, again.stderr);
    await writeFile(node.state, 'no database');
    const damaged = await node.flush();
    assert.equal(damaged.code, 0, damaged.stderr);
    assert.match(damaged.stderr, /damaged/);
    assert.deepEqual(await keys(node), before);
  });

  test('pods that a checkpointed.pods names', async (t) => {
    const directory = await makeNode(await temporaryFolder(t), 'node-a');
    const node = await nodeOf(t, 'listed');
    const { code, stderr } = await node.flush('-t', directory);
    assert.equal(code, 0, stderr);
    const sandboxes = (await keys(node)).map((key) => key.split('/')[2]);
    assert.deepEqual(sandboxes, [PODS.redisOnA, PODS.counters]);
    assert.equal((await node.flush('-t', directory)).code, 0);
    assert.equal((await keys(node)).length, 2);
  });

  test('1,000 small files', async (t) => {
    const node = await nodeOf(t, 'thousand');
    const samples = Array.from({ length: 1000 }, (_, i) => {
      const pod = { pod: `pod-${i >> 2}`, uid: `uid-${i >> 2}`, container: `c${i & 3}`, seed: i };
      return sample({ ...pod, pagesBytes: 4096, rootfsBytes: 0, logBytes: 10, processes: 1 });
    });
    for (const one of samples) await writeFile(node.path(one), one.bytes);
    const { code, stderr } = await node.flush();
    assert.equal(code, 0, stderr.slice(-2000));
    assert.equal((await keys(node)).length, 250);
    assert.deepEqual(await shipped(node), identities(samples));
  });

  test('kill -9 again and again while files arrive: each is there exactly once', async (t) => {
    const s3 = await localS3();
    t.after(() => s3[Symbol.asyncDispose]());
    const node = await Node.make(t, 'killed', environmentOf(s3));
    const endAt = performance.now() + 1000 * Number(process.env.AGENT_KILL_SECONDS ?? 20);
    const finished: Sample[] = [];
    const arriving = (async () => {
      for (let i = 0; performance.now() < endAt; i++) {
        const pod = { pod: `pod-${i >> 1}`, uid: `uid-${i >> 1}`, container: `c${i & 1}`, seed: i };
        const one = sample({ ...pod, pagesBytes: 64 * 1024 });
        await using file = await open(node.path(one), 'w', 0o600);
        for (let at = 0; at < one.bytes.length; at += 30_000) {
          await file.write(one.bytes.subarray(at, at + 30_000));
          await sleep(20);
        }
        finished.push(one);
      }
    })();
    let kills = 0;
    for (; performance.now() < endAt; kills++) {
      const { child, ended } = node.start('--listen', 'none');
      // Of those that live long enough, one in three puts is its last: before S3 has the object, or just after.
      s3.faults = async ({ operation }) => {
        if (operation === 'PutObject' && Math.random() < 0.3) {
          setTimeout(() => child.kill('SIGKILL'), 30 * Math.random());
          await sleep(15);
        }
        return undefined;
      };
      const dead = new AbortController();
      void sleep(1000 + 9000 * Math.random(), undefined, { signal: dead.signal }).then(
        () => child.kill('SIGKILL'),
        () => {},
      );
      await ended;
      dead.abort();
    }
    await arriving;
    s3.faults = undefined;
    const before = await keysOf(s3.client, s3.bucket, '');
    const { code, stderr } = await node.flush();
    assert.equal(code, 0, stderr);
    const found: string[] = [];
    for (const key of await keysOf(s3.client, s3.bucket, ''))
      found.push(...(await archivesIn(s3.store, s3.bucket, key)));
    assert.deepEqual(found.sort(), identities(finished));
    t.diagnostic(`${kills} kills, ${finished.length} archives, ${before.length} objects before the last flush`);
  });

  test('SIGTERM leaves an upload to be gone on with', async (t) => {
    const s3 = await localS3();
    t.after(() => s3[Symbol.asyncDispose]());
    const node = await Node.make(t, 'stopped', environmentOf(s3));
    const large = sample({ pagesBytes: 40 * MiB });
    await writeFile(node.path(large), large.bytes);
    const agent = await node.agent('-c', 'none', '--max-rate', '8MiB');
    const sent = () => s3.requests.filter(({ operation }) => operation === 'UploadPart').length;
    await until('a part is there', async () => sent() >= 2);
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
    assert.equal(await s3.unfinishedUploads(), 1);
    const before = sent();
    assert.equal((await node.flush('-c', 'none')).code, 0);
    assert.ok(sent() <= before + 5, `${before} parts, then ${sent()}`);
    assert.equal(await s3.unfinishedUploads(), 0);
    const [key] = await keysOf(s3.client, s3.bucket, 'default/');
    assert.deepEqual(await archivesIn(s3.store, s3.bucket, key!), [identityOf(large)]);
  });

  test('--max-rate', async (t) => {
    const s3 = await localS3();
    t.after(() => s3[Symbol.asyncDispose]());
    const node = await Node.make(t, 'rate', environmentOf(s3));
    const large = sample({ pagesBytes: 6 * MiB });
    await writeFile(node.path(large), large.bytes);
    const begunAt = performance.now();
    assert.equal((await node.flush('-c', 'none', '--max-rate', '2MiB')).code, 0);
    assert.ok(performance.now() - begunAt > 2500);
  });

  test('without a network for a while it goes on, and ships when that is back', async (t) => {
    const s3 = await localS3();
    t.after(() => s3[Symbol.asyncDispose]());
    s3.faults = () => 'drop';
    const node = await Node.make(t, 'offline', environmentOf(s3));
    const samples = [sample(), sample({ pod: 'other', uid: 'other' })];
    for (const one of samples) await writeFile(node.path(one), one.bytes);
    const agent = await node.agent();
    await until('it has failed twice', async () => (await agent.metric('failures_total{code="unreachable"}')) >= 2);
    assert.equal(await agent.metric('waiting_files{for="upload"}'), 2);
    assert.equal((await fetch(`${agent.url}/healthz`)).status, 200);
    s3.faults = undefined;
    await until('all is shipped', async () => (await agent.metric('files_shipped_total')) === 2);
    const found = [];
    for (const key of await keysOf(s3.client, s3.bucket, ''))
      found.push(...(await archivesIn(s3.store, s3.bucket, key)));
    assert.deepEqual(found.sort(), identities(samples));
    assert.equal((await agent.stop()).code, 0);

    s3.faults = () => 'drop';
    const late = sample({ pod: 'late', uid: 'late' });
    await writeFile(node.path(late), late.bytes);
    assert.equal((await node.flush()).code, 13);
  });

  test('--prune keeps the newest, removes the confirmed, and never what was written since', async (t) => {
    const node = await nodeOf(t, 'prune');
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
    assert.deepEqual(await shipped(node), identities([old, changed, newest]));
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

  test.skip('--prune on a full disk that holds the state as well', async (t) => {
    const node = await nodeOf(t, 'full');
    const folder = join(node.directory, '..');
    const mounted = await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder]).catch(
      () => {},
    );
    if (mounted === undefined) return t.skip('mounting a small file system takes root');
    await using _ = { [Symbol.asyncDispose]: async () => void (await promisify(execFile)('umount', ['-l', folder])) };
    await promisify(execFile)('mkdir', [node.directory]);
    const agent = await node.agent('--prune', '--keep', '1', '--min-free', '30%');
    const samples: Sample[] = [];
    const total = 14;
    for (let i = 0; i < total; i++) {
      const one = sample({ pod: `pod-${i}`, uid: `uid-${i}`, seed: i, pagesBytes: 900 * 1024 });
      samples.push(one);
      await until('there is room for the next', async () => {
        try {
          await writeFile(node.path(one), one.bytes);
          return true;
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
          return false; // and the part of it stays there
        }
      });
    }
    await until('all is shipped', async () => (await agent.metric('files_shipped_total')) === total);
    await until('there is room', async () => {
      const { bavail, blocks } = await statfs(folder);
      return bavail / blocks >= 0.3;
    });
    assert.equal((await agent.stop()).code, 0);
    assert.deepEqual(await shipped(node), identities(samples));
  });

  test('--flush beside an agent that runs waits for that', async (t) => {
    const node = await nodeOf(t, 'beside');
    const agent = await node.agent();
    const [one, broken] = [sample(), sample({ pod: 'broken', uid: 'broken' })];
    await writeFile(node.path(one), one.bytes);
    const { code, stderr } = await node.flush();
    assert.deepEqual([code, /is running with this state/.test(stderr)], [0, true], stderr);
    assert.deepEqual(await shipped(node), identities([one]));
    await writeFile(node.path(broken), broken.bytes.subarray(0, 5000));
    assert.equal((await node.flush()).code, 5);
    const second = await node.start('--listen', 'none').ended;
    assert.deepEqual([second.code, /Another agent runs/.test(second.stderr)], [10, true]);
    assert.equal((await agent.stop()).code, 0);
  });

  test('refuses flags that are wrong', async (t) => {
    const node = await nodeOf(t, 'wrong');
    for (const [args, message] of [
      [['--sweep', '0'], /--sweep/],
      [['--max-rate', 'fast'], /50MiB/],
      [['--min-free', '-1'], /min-free/],
      [['--listen', 'nowhere'], /host:port or none/],
      [['-c', 'gzip'], /zstd or none/],
    ] as const) {
      const { code, stderr } = await node.start(...args).ended;
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
    }
    const { code, stderr } = await cloud.run(['agent', '--prune'], { env: { PODFREIGHT_TABLE: '' } });
    assert.deepEqual([code, /PODFREIGHT_TABLE/.test(stderr)], [2, true], stderr);
  });
});

/** As the program reads, which is not with the tests' own client. */
function storeOf(cloud: Cloud): S3ArchiveStore {
  const credentials = {
    accessKeyId: cloud.setting('AWS_ACCESS_KEY_ID'),
    secretAccessKey: cloud.setting('AWS_SECRET_ACCESS_KEY'),
  };
  const client = s3Client({ endpoint: cloud.stack.endpoints.s3, region: cloud.setting('AWS_REGION'), credentials });
  return new S3ArchiveStore(client);
}

function environmentOf({ url, bucket }: { readonly url: string; readonly bucket: string }): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    PODFREIGHT_ARCHIVES_BUCKET: bucket,
  };
}
