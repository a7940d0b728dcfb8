import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { choosePods } from '../../../core/bundle/choose-pods.ts';
import type { PodSelector } from '../../../core/bundle/pod-selector.ts';
import type { PodRecord } from '../../../core/catalogue/records.ts';
import type { Catalogue } from '../../../core/ports.ts';
import { archiveRecord, podRecord } from '../../contracts/catalogue.ts';
import { memoryCatalogue } from '../../memory/catalogue.ts';

let catalogue: Catalogue;
beforeEach(() => {
  catalogue = memoryCatalogue();
});

const at = (time: string) => `2026-11-22T${time}Z`;

async function taken(sandboxId: string, name: string, time: string, overrides: Partial<PodRecord> = {}): Promise<void> {
  const archive = archiveRecord();
  const sha256 = sandboxId.padEnd(64, '0');
  await catalogue.record(archive, [
    podRecord(archive, { sandboxId, name, checkpointedAt: at(time), sha256, ...overrides }),
  ]);
}

async function chosen(...selectors: PodSelector[]): Promise<string> {
  return (await choosePods(selectors, catalogue)).map(({ sandboxId }) => sandboxId).join(' ');
}

test('takes the newest checkpoint of each pod', async () => {
  await taken('r1', 'redis', '10:00:00');
  await taken('r2', 'redis', '11:00:00');
  await taken('w1', 'web', '09:00:00', { origin: { cluster: 'prod', node: 'node-2' } });
  await taken('x1', 'redis', '12:00:00', { origin: { cluster: 'test', node: 'node-1' } });
  await taken('s1', 'redis', '12:00:00', { namespace: 'staging' });
  assert.equal(await chosen({ cluster: 'prod', pod: 'default/redis' }), 'r2');
  assert.equal(await chosen({ cluster: 'prod', namespace: 'default' }), 'r2 w1');
  assert.equal(await chosen({ cluster: 'prod' }), 'r2 w1 s1');
  assert.equal(await chosen({ cluster: 'prod', node: 'node-2' }), 'w1');
  assert.equal(await chosen({ cluster: 'prod', node: 'node-1', namespace: 'default' }), 'r2');
  assert.equal(await chosen({ image: 'docker.io/library/redis:7', cluster: 'test' }), 'x1');
  const containers = ['a', 'b'].map((name) => ({ name, id: name, image: 'worker:1', engine: 'cri-o' }));
  await taken('k1', 'worker', '08:00:00', { containers: [...containers, { name: 'c', id: 'c', image: 'proxy:1' }] });
  assert.equal(await chosen({ image: 'worker:1' }), 'k1');
  assert.equal(await chosen({ image: 'worker:1', all: true }), 'k1');
  assert.equal(await chosen({ cluster: 'prod', engine: 'cri-o' }), 'k1');
  assert.equal(await chosen({ cluster: 'prod', pod: 'default/worker', image: 'proxy:1' }), 'k1');
  await assert.rejects(chosen({ cluster: 'prod', image: 'proxy:1', engine: 'cri-o' }), { code: 'not-found' });
  assert.equal(await chosen({ sandboxId: 'r1' }), 'r1');
});

test('goes back in time, and takes all', async () => {
  await taken('r1', 'redis', '10:00:00');
  await taken('r2', 'redis', '11:00:00');
  await taken('r3', 'redis', '12:00:00');
  const pod = { cluster: 'prod', pod: 'default/redis' };
  assert.equal(await chosen({ ...pod, at: at('11:00:00') }), 'r2');
  assert.equal(await chosen({ ...pod, at: at('10:59:59') }), 'r1');
  assert.equal(await chosen({ ...pod, all: true }), 'r1 r2 r3');
  assert.equal(await chosen({ ...pod, all: true, at: at('11:30:00') }), 'r1 r2');
  assert.equal(await chosen({ ...pod, at: at('10:30:00') }, pod, { sandboxId: 'r3' }), 'r1 r3');
});

test('walks through all pages', async () => {
  for (let i = 0; i < 450; i++) await taken(`s${i}`, `pod-${i % 3}`, '10:00:00');
  assert.equal((await chosen({ cluster: 'prod', all: true })).split(' ').length, 450);
  assert.equal((await chosen({ cluster: 'prod' })).split(' ').length, 3);
});

test('reads one checkpoint where a pod is named, and refuses to walk through more than 100,000', async () => {
  await taken('r1', 'redis', '10:00:00');
  await taken('r2', 'redis', '11:00:00');
  const limits: number[] = [];
  const endless = podRecord(archiveRecord());
  const watched: Catalogue = {
    ...catalogue,
    pods: async (query, page) => {
      limits.push(page.limit);
      if (query.by === 'pod') return catalogue.pods(query, page);
      return { items: Array.from({ length: page.limit }, () => endless), cursor: 'more' };
    },
  };
  await choosePods([{ cluster: 'prod', pod: 'default/redis' }], watched);
  assert.deepEqual(limits, [1]);
  await assert.rejects(choosePods([{ cluster: 'prod', namespace: 'default' }], watched), {
    code: 'unsupported',
    message: /100000 checkpoints.*namespace default.*name the pods/,
  });
  assert.equal(limits.length, 101);
});

test('leaves out what S3 got later than asked for', async () => {
  await taken('r1', 'redis', '10:00:00', { storedAt: at('10:05:00') });
  await taken('r2', 'redis', '10:01:00', { storedAt: at('10:06:00') });
  const asOf = async (time: string) => {
    const pods = await choosePods([{ cluster: 'prod', pod: 'default/redis' }], catalogue, new Date(at(time)));
    return pods.map(({ sandboxId }) => sandboxId);
  };
  assert.deepEqual(await asOf('10:05:00'), ['r1']);
  assert.deepEqual(await asOf('10:06:00'), ['r2']);
  await assert.rejects(asOf('10:04:59'), { code: 'not-found' });
});

test('says which selector fits nothing', async () => {
  await taken('r1', 'redis', '10:00:00');
  for (const selector of [
    { cluster: 'prod', pod: 'default/web' },
    { cluster: 'prod', pod: 'default/redis', node: 'node-9' },
    { cluster: 'prod', pod: 'default/redis', at: at('09:00:00') },
    { sandboxId: 'r1', image: 'nginx' },
  ]) {
    await assert.rejects(choosePods([{ cluster: 'prod' }, selector], catalogue), (error: Error) => {
      assert.ok(Object.entries(selector).every(([name, value]) => error.message.includes(`${name} ${value}`)));
      return 'code' in error && error.code === 'not-found';
    });
  }
});

test('takes the same bytes once, wherever they lie', async () => {
  await taken('r1', 'redis', '10:00:00');
  await taken('r1', 'redis', '10:00:00');
  assert.equal(await chosen({ cluster: 'prod', all: true }), 'r1');
});

test('takes the one that came to S3 last where two were taken in the same second', async () => {
  await taken('r9', 'redis', '10:00:00', { storedAt: at('10:02:00') });
  await taken('r1', 'redis', '10:00:00', { storedAt: at('10:05:00') });
  assert.equal(await chosen({ cluster: 'prod', pod: 'default/redis' }), 'r1');
});

test('takes the newest of one SandboxID, and with all refuses to choose', async () => {
  await taken('r1', 'redis', '10:00:00', { sha256: 'a'.repeat(64) });
  await taken('r1', 'redis', '11:00:00', { sha256: 'b'.repeat(64) });
  const [newest] = await choosePods([{ cluster: 'prod' }], catalogue);
  assert.equal(newest?.checkpointedAt, at('11:00:00'));
  await assert.rejects(choosePods([{ cluster: 'prod', all: true }], catalogue), {
    code: 'conflict',
    message: /r1 has different bytes in s3:\S+ and s3:\S+;/,
  });
});
