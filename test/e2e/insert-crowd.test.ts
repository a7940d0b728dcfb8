import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeletDirectory } from '../../cli/kubelet-directory.ts';
import { pod } from '../cli/pods.ts';
import { type TextPod, writeBundle } from './bundle.ts';
import { podfreight, start, temporaryFolder } from './podfreight.ts';

const CROWD = 8;
const KILLED = [2, 5];

function textPod(sandboxId: string): TextPod {
  return { entry: pod(sandboxId), text: `bytes of ${sandboxId}` };
}

/** The listed pods; each file is there and whole, or this throws. */
async function readValid(target: string): Promise<string[]> {
  await using snapshot = await new KubeletDirectory(target).snapshot();
  const sandboxIds: string[] = [];
  for (const { sandboxId, read } of snapshot.pods) {
    const chunks: Buffer[] = [];
    for await (const chunk of read()) chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString(), `bytes of ${sandboxId}`);
    sandboxIds.push(sandboxId);
  }
  return sandboxIds;
}

test(`podfreight insert  # ${CROWD} at once of overlapping bundles, some killed: none is lost`, async (t) => {
  const folder = await temporaryFolder(t);
  const target = join(folder, 'target');
  const bundles = Array.from({ length: CROWD }, (_, i) => join(folder, `bundle-${i}`));
  for (const [i, bundle] of bundles.entries()) {
    await writeBundle(bundle, ['common', `p${i}`, `p${(i + 1) % CROWD}`].map(textPod));
  }
  await writeBundle(join(folder, 'first'), [textPod('first')]);
  assert.equal((await podfreight(['insert', '-t', target, '-i', join(folder, 'first')])).code, 0);

  let running = true;
  let reads = 0;
  const acknowledged = new Set(['first']);
  const reader = (async () => {
    while (running) {
      const due = [...acknowledged];
      const listed = new Set(await readValid(target));
      for (const sandboxId of due) assert.ok(listed.has(sandboxId), `${sandboxId} was acknowledged, and is not there`);
      reads += 1;
    }
  })();

  const insert = async (i: number) => {
    const { code, stderr } = await podfreight(['insert', '-t', target, '-i', bundles[i]!]);
    assert.deepEqual([code, stderr], [0, '']);
    for (const sandboxId of ['common', `p${i}`, `p${(i + 1) % CROWD}`]) acknowledged.add(sandboxId);
  };
  const insertKilled = async (i: number) => {
    const { child, ended } = start(['insert', '-t', target, '-i', bundles[i]!]);
    await sleep(100 + Math.random() * 200); // any moment will do: the result must not depend on it
    child.kill('SIGKILL');
    await ended;
    await insert(i);
  };
  try {
    await Promise.all(bundles.map((_, i) => (KILLED.includes(i) ? insertKilled(i) : insert(i))));
  } finally {
    running = false;
    await reader;
  }

  assert.deepEqual((await readValid(target)).sort(), ['common', 'first', ...bundles.map((_, i) => `p${i}`)]);
  assert.ok(reads > 1, 'somebody read meanwhile');
  // A killed insert that others found alive may have left its staging; the next insert removes it.
  await insert(0);
  assert.deepEqual(
    (await readdir(join(target, '.podfreight'))).filter((name) => !name.startsWith('lock')),
    [],
  );
});
