import assert from 'node:assert/strict';
import { appendFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CREDENTIALS, localS3 } from '../aws/local-s3.ts';
import { allArchivesIn, archivesOf, environmentOf, identitiesOf, keysOf, Node, sample, until } from './agent.ts';
import { Cloud } from './cloud.ts';
import { makeNode, PODS } from './nodes.ts';
import { temporaryFolder } from './podfreight.ts';

const MiB = 2 ** 20;

describe('podfreight agent', { timeout: 900_000 }, () => {
  const cloud = new Cloud();
  const nodeOf = (t: TestContext, name: string) => Node.make(t, name, cloud.stack.environment);
  const keys = (node: Node) => keysOf(cloud.s3, cloud.archives, `default/${node.name}/`);

  const shipped = (node: Node) => allArchivesIn(archivesOf(cloud), `default/${node.name}/`);

  test('an archive that is written slowly, in place, goes up once it is whole', async (t) => {
    const node = await nodeOf(t, 'slow');
    const agent = await node.agent();
    const slow = sample({ pagesBytes: 400 * 1024 });
    await using file = await open(node.path(slow), 'w', 0o600);
    for (let at = 0; at < slow.bytes.length; at += 20_000) {
      assert.deepEqual(await keys(node), []);
      await file.write(slow.bytes.subarray(at, at + 20_000));
      await sleep(150);
    }
    await file.close();
    await until('it is shipped', async () => (await agent.metric('files_shipped_total')) === 1);
    assert.deepEqual(await shipped(node), identitiesOf([slow]));
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
    assert.deepEqual(await shipped(node), identitiesOf([other]));

    const agent = await node.agent();
    await until('it was looked at', async () => (await agent.metric('waiting_files{for="end"}')) === 1);
    assert.ok((await agent.metric('failures_total{code="invalid-archive"}')) > 0);
    assert.ok((await agent.metric('oldest_waiting_seconds')) > 0);
    await appendFile(node.path(cut), cut.bytes.subarray(20_000));
    await until('it is shipped', async () => (await agent.metric('files_shipped_total')) === 1);
    assert.deepEqual(await shipped(node), identitiesOf([cut, other]));
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
    assert.deepEqual(await shipped(node), identitiesOf([long, short]));
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
    assert.deepEqual(await shipped(node), identitiesOf(samples));
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
    await rm(node.state);
    const again = await node.flush();
    assert.equal(again.code, 0, again.stderr);
    await writeFile(node.state, 'no database');
    const damaged = await node.flush();
    assert.equal(damaged.code, 0, damaged.stderr);
    assert.match(damaged.stderr, /damaged/);
    assert.deepEqual(await keys(node), before);
  });

  test('a directory that comes late, and is replaced, is watched all the same, and nicely', async (t) => {
    const node = await nodeOf(t, 'replaced');
    await rm(node.directory, { recursive: true });
    assert.equal((await node.flush()).code, 3);
    const agent = await node.agent('--sweep', '3', '--nice', '7');
    await mkdir(node.directory);
    const samples = [sample(), sample({ pod: 'other', uid: 'other' })];
    await writeFile(node.path(samples[0]!), samples[0]!.bytes);
    await until('one is shipped', async () => (await agent.metric('files_shipped_total')) === 1);
    await rename(node.directory, `${node.directory}.old`);
    await mkdir(node.directory);
    await writeFile(node.path(samples[1]!), samples[1]!.bytes);
    await until('the other is shipped', async () => (await agent.metric('files_shipped_total')) === 2);
    const numbers = (await readFile(`/proc/${agent.child.pid}/stat`, 'latin1')).split(') ').at(-1)!.split(' ');
    assert.equal(numbers[16], '7'); // field 19 of proc_pid_stat(5); the third is the first behind the name
    assert.equal((await agent.stop()).code, 0);
    assert.deepEqual(await shipped(node), identitiesOf(samples));
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

  test('SIGTERM leaves an upload to be gone on with', async (t) => {
    const s3 = await localS3();
    t.after(() => s3[Symbol.asyncDispose]());
    const node = await Node.make(t, 'stopped', environmentOf(s3));
    const large = sample({ pagesBytes: 40 * MiB });
    await writeFile(node.path(large), large.bytes);
    let begun = 0;
    s3.faults = ({ operation }) => (operation === 'UploadPart' && ++begun > 2 ? 'hang' : undefined);
    const agent = await node.agent('-c', 'none');
    const sent = () => s3.requests.filter(({ operation, status }) => operation === 'UploadPart' && status === 200);
    await until('two parts are there', async () => sent().length === 2);
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
    assert.equal(await s3.unfinishedUploads(), 1);
    s3.faults = undefined;
    assert.equal((await node.flush('-c', 'none')).code, 0);
    const [key = ''] = await keysOf(s3.client, s3.bucket, '');
    const object = await s3.store.open({ bucket: s3.bucket, key });
    const sentBytes = sent().reduce((sum, { bytesIn }) => sum + bytesIn, 0);
    assert.equal(sentBytes, object.sizeBytes, 'each part once');
    await object.close();
    assert.equal(await s3.unfinishedUploads(), 0);
    assert.deepEqual(await allArchivesIn(s3), identitiesOf([large]));
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
    await until('both wait for it', async () => (await agent.metric('waiting_files{for="upload"}')) === 2);
    assert.equal((await fetch(`${agent.url}/healthz`)).status, 200);
    s3.faults = undefined;
    await until('all is shipped', async () => (await agent.metric('files_shipped_total')) === 2);
    assert.deepEqual(await allArchivesIn(s3), identitiesOf(samples));
    assert.equal((await agent.stop()).code, 0);

    s3.faults = () => 'drop';
    const late = sample({ pod: 'late', uid: 'late' });
    await writeFile(node.path(late), late.bytes);
    assert.equal((await node.flush()).code, 13);
  });

  test('--flush beside an agent that runs waits for that', async (t) => {
    const node = await nodeOf(t, 'beside');
    const agent = await node.agent();
    const [one, broken] = [sample(), sample({ pod: 'broken', uid: 'broken' })];
    await writeFile(node.path(one), one.bytes);
    const { code, stderr } = await node.flush();
    assert.deepEqual([code, /is running with this state/.test(stderr)], [0, true], stderr);
    assert.deepEqual(await shipped(node), identitiesOf([one]));
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
