import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { localS3 } from '../aws/local-s3.ts';
import { sampleContainer } from '../checkpoint-samples/container.ts';
import { crioArchive } from '../checkpoint-samples/cri-o.ts';
import { fileNameOf } from '../checkpoint-samples/found.ts';
import { PieceSource } from '../checkpoint-samples/pieces.ts';
import { allArchivesIn, environmentOf, FULL, identitiesOf, keysOf, Node, sample, until } from './agent.ts';

const FILES = FULL ? 1000 : 60;
const PER_POD = 4;
const MiB = 2 ** 20;

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

const LONG = { timeout: 900_000, skip: FULL ? false : 'a gibibyte takes long; npm run test:agent has it' };

test('podfreight agent -c none  # a gibibyte in the memory of the daemonset', LONG, async (t) => {
  const s3 = await localS3();
  t.after(() => s3[Symbol.asyncDispose]());
  const node = await Node.make(t, 'large', environmentOf(s3));
  const container = sampleContainer({ pagesBytes: 1024 * MiB });
  const pieces = new PieceSource([...crioArchive(container)]);
  const path = join(node.directory, fileNameOf(container));
  await pipeline(pieces.stream({ start: 0, end: pieces.sizeBytes }), createWriteStream(path));
  const agent = await node.agent('-c', 'none');
  await until('it is shipped', async () => (await agent.metric('files_shipped_total')) === 1, 600_000);
  const status = await readFile(`/proc/${agent.child.pid}/status`, 'latin1');
  const peakBytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  assert.ok(peakBytes < 350 * MiB, `${peakBytes / MiB} MiB`); // of the 512 that deploy/ gives it
  assert.equal((await agent.stop()).code, 0);
  t.diagnostic(`${Math.round(peakBytes / MiB)} MiB at most`);
});
