import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { KubeletDirectory } from '../../cli/kubelet-directory.ts';
import { isPodfreightError } from '../../core/errors.ts';
import { pod } from '../cli/pods.ts';
import { type TextPod, writeBundle } from '../e2e/bundle.ts';
import { podfreight, temporaryFolder } from '../e2e/podfreight.ts';
import { FULL, numbers } from './slice.ts';
import { assertNoStaging } from './target.ts';
import { KILLED, noTrap, trapped } from './trap.ts';

const PROCESSES = 8;
const INSERTS = FULL ? 200 : 24;
const KILL_EVERY = 5;
/** Its archive turns out damaged when all but its last pod has been written. */
const DAMAGE_EVERY = 7;
const CORRUPT = 6;
/** Which call a killed insert dies before: anywhere in it, and never the same twice in a row. */
const killAt = (i: number) => 1 + ((i * 37) % 80);

/** Every insert brings a pod of its own, one that all bring alike, and one that all replace. */
const own = (i: number) => textPod(`own-${i}`, 'once');
const COMMON = textPod('common', 'once');
const shared = (i: number) => textPod('shared', `version ${i}`);

function textPod(sandboxId: string, configSeen: string): TextPod {
  return { entry: pod(sandboxId, { configSeen }), text: `bytes of ${sandboxId}, ${configSeen}` };
}

async function damage(path: string, text: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.indexOf(text)]! ^= 1;
  await writeFile(path, bytes);
}

/** The listed pods; each file is there, whole, and what its entry says, or this throws. */
async function readValid(target: string): Promise<string[]> {
  await using snapshot = await new KubeletDirectory(target).snapshot();
  const entries = snapshot.manifest.pods ?? [];
  for (const [i, { sandboxId, read }] of snapshot.pods.entries()) {
    const chunks: Buffer[] = [];
    for await (const chunk of read()) chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString(), textPod(sandboxId, entries[i]!.configSeen).text);
  }
  return entries.map(({ sandboxId }) => sandboxId);
}

test(`podfreight insert  # ${INSERTS} by ${PROCESSES} at once, some killed: none is lost`, {
  skip: noTrap(),
}, async (t) => {
  const folder = await temporaryFolder(t);
  const target = join(folder, 'target');
  const argsOf = (i: number) => ['insert', '-t', target, '-i', join(folder, `${i}`), '--on-conflict', 'replace'];
  for (const i of [0, ...numbers(INSERTS)]) await writeBundle(join(folder, `${i}`), [COMMON, own(i), shared(i)], 'tar');
  for (let i = DAMAGE_EVERY; i <= INSERTS; i += DAMAGE_EVERY) await damage(join(folder, `${i}`), shared(i).text);
  assert.equal((await podfreight(argsOf(0))).code, 0);
  const acknowledged = new Set(['common', 'own-0']);

  let reads = 0;
  let running = true;
  const reader = (async () => {
    while (running) {
      const due = [...acknowledged];
      const listed = await readValid(target).catch((error) => {
        if (isPodfreightError(error, 'source-changed')) return undefined; // among so many it may not find a quiet moment
        throw error;
      });
      if (listed === undefined) continue;
      assert.deepEqual(
        due.filter((sandboxId) => !listed.includes(sandboxId)),
        [],
        'acknowledged, and not there',
      );
      reads += 1;
    }
  })();

  let kills = 0;
  let refusals = 0;
  const insert = async (i: number) => {
    const isKilled = i % KILL_EVERY === 0;
    const { code, stderr } = isKilled
      ? await trapped(argsOf(i), { at: killAt(i), action: 'kill' })
      : await podfreight(argsOf(i));
    if (code === KILLED && isKilled) kills += 1;
    else if (i % DAMAGE_EVERY === 0) {
      assert.equal(code, CORRUPT, stderr);
      refusals += 1;
    } else {
      assert.deepEqual([code, stderr], [0, '']);
      acknowledged.add(`own-${i}`);
    }
  };
  const rest = numbers(INSERTS).values();
  const process = async () => {
    for (const i of rest) await insert(i);
  };
  try {
    await Promise.all(numbers(PROCESSES).map(process));
  } finally {
    running = false;
    await reader;
  }

  // What was alive while others cleared up may have left its staging; the next insert removes it.
  assert.equal((await podfreight(argsOf(0))).code, 0);
  await assertNoStaging(target);
  const listed = await readValid(target);
  assert.deepEqual(
    [...acknowledged, 'shared'].filter((sandboxId) => !listed.includes(sandboxId)),
    [],
  );
  const files = (await readdir(target)).filter((name) => name.endsWith('.tar'));
  assert.deepEqual(files.sort(), listed.map((sandboxId) => `${sandboxId}.tar`).sort(), 'no file that nobody lists');
  assert.ok(reads > 1 && kills > 1 && refusals > 1, `${reads} reads, ${kills} kills, ${refusals} refusals`);
  t.diagnostic(`${INSERTS} inserts, ${kills} killed, ${refusals} damaged, no other lost; ${reads} reads beside`);
});
