import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { localS3 } from '../aws/local-s3.ts';
import { allArchivesIn, environmentOf, FULL, identitiesOf, keysOf, Node, sample, until } from './agent.ts';

const FILES = FULL ? 1000 : 60;
const PER_POD = 4;

test(`podfreight agent  # ${FILES} files, half of them there before it, the others while it ships`, {
  timeout: 900_000,
}, async (t) => {
  const s3 = await localS3();
  t.after(() => s3[Symbol.asyncDispose]());
  const node = await Node.make(t, 'crowd', environmentOf(s3));
  const samples = Array.from({ length: FILES }, (_, i) => {
    const pod = Math.floor(i / PER_POD);
    const fields = { pod: `pod-${pod}`, uid: `uid-${pod}`, container: `c${i % PER_POD}`, seed: i };
    return sample({ ...fields, pagesBytes: 4096, rootfsBytes: 0, logBytes: 10, processes: 1 });
  });
  const [before, meanwhile] = [samples.slice(0, FILES / 2), samples.slice(FILES / 2)];
  for (const one of before) await writeFile(node.path(one), one.bytes);
  const agent = await node.agent();
  const begunAt = performance.now();
  for (const one of meanwhile) await writeFile(node.path(one), one.bytes);
  const shipped = () => agent.metric('files_shipped_total');
  await until('all are shipped', async () => (await shipped()) >= FILES, 600_000);
  const seconds = (performance.now() - begunAt) / 1000;
  assert.equal(await shipped(), FILES);
  assert.equal(await agent.metric('waiting_files{for="upload"}'), 0);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0, stderr.slice(-2000));
  assert.deepEqual(await allArchivesIn(s3), identitiesOf(samples));

  const keys = await keysOf(s3.client, s3.bucket, '');
  const puts = () => s3.requests.filter(({ operation }) => operation === 'PutObject');
  // What got no answer in time was sent again; but nothing that was stored.
  const stored = puts().filter(({ status }) => status === 200);
  assert.equal(stored.length, keys.length);
  const statuses = puts().map(({ status }) => status);
  assert.equal((await node.flush()).code, 0);
  assert.equal(puts().length, statuses.length, 'nothing is sent again');
  const others = statuses.filter((status) => status !== 200);
  t.diagnostic(`${FILES} files in ${keys.length} objects, ${seconds.toFixed(1)} s; other answers: ${others.join(' ')}`);
});
