import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type AgentOptions } from '../../../cli/agent/agent.ts';
import { Log } from '../../../cli/agent/log.ts';
import { Metrics } from '../../../cli/agent/metrics.ts';
import { AgentState } from '../../../cli/agent/state.ts';
import { fileVersion } from '../../../cli/file-version.ts';
import { sampleContainer, sandboxIdOf } from '../../checkpoint-samples/container.ts';
import { archivesIn, identityOf, sample, until } from '../../e2e/agent.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';
import { MemoryArchiveStore } from '../../memory/archive-store.ts';
import { FIRST, opener, procOf } from './processes.ts';

const BUCKET = 'archives';
const HOUR_MS = 3_600_000;

/** An agent in this process, on a store in memory. */
async function run(
  t: TestContext,
  directory: string,
  fields: Partial<AgentOptions>,
  before: (state: AgentState) => void = () => {},
) {
  const folder = await temporaryFolder(t);
  const state = await AgentState.open(join(folder, 'state'), 'here', () => assert.fail('it is not damaged'));
  assert.ok(state !== 'busy');
  before(state);
  const store = new MemoryArchiveStore([BUCKET]);
  const metrics = new Metrics();
  const controller = new AbortController();
  const agent = new Agent({
    ...{ directories: [directory], store, keys: store, bucket: BUCKET, state, metrics, signal: controller.signal },
    ...{ origin: { cluster: 'c', node: 'n' }, format: 'tar', catalogue: undefined, prune: undefined },
    ...{ settleMs: HOUR_MS, sweepMs: 200, log: new Log('json', () => {}) },
    ...fields,
  });
  const running = agent.run();
  t.after(async () => {
    controller.abort();
    await running;
    state[Symbol.dispose]();
  });
  return {
    state,
    waiting: (what: string) => {
      agent.measure();
      return metrics.get('waiting_files', what);
    },
    shipped: () => metrics.get('files_shipped_total'),
    stored: async () => {
      const keys = await Array.fromAsync(store.keysBelow(BUCKET, ''));
      const found = await Promise.all(keys.map((key) => archivesIn(store, BUCKET, key)));
      return found.flat();
    },
  };
}

async function withArchive(t: TestContext) {
  const directory = await temporaryFolder(t);
  const one = sample();
  const path = join(directory, one.name);
  await writeFile(path, one.bytes);
  return { directory, one, path };
}

test('where all processes can be seen, an archive goes once nobody has it open for writing', async (t) => {
  const { directory, one, path } = await withArchive(t);
  const writer = await opener(t, path, 'r+');
  const { waiting, shipped, stored } = await run(t, directory, { proc: await procOf(t, FIRST, writer) });
  await until('the writer is seen', async () => waiting('writer') === 1);
  await sleep(1500); // it was looked at again
  assert.deepEqual([shipped(), await stored()], [0, []]);
  writer.kill('SIGKILL');
  await until('it is shipped', async () => shipped() === 1);
  assert.deepEqual(await stored(), [identityOf(one)]);
});

test('where they cannot, it goes when it has not changed for a while since it was first seen', async (t) => {
  const { directory, one, path } = await withArchive(t);
  const proc = await procOf(t, 'pid:[4026532000]', await opener(t, path, 'r'));
  await sleep(2000); // as long as it must not change; but nobody was there to see it
  const begunAt = performance.now();
  const { shipped, stored } = await run(t, directory, { proc, settleMs: 2000 });
  await until('it is shipped', async () => shipped() === 1);
  assert.ok(performance.now() - begunAt >= 2000);
  assert.deepEqual(await stored(), [identityOf(one)]);
});

test('what was planned, and touched before it went, is known as the file it is now', async (t) => {
  const { directory, one, path } = await withArchive(t);
  const proc = await procOf(t, FIRST, await opener(t, path, 'r'));
  const digest = createHash('sha256').update(one.bytes).digest('hex');
  const planned = { directory, name: one.name, version: 'before', digest, sizeBytes: one.bytes.length };
  const { state, shipped } = await run(t, directory, { proc }, (notes) => {
    notes.plan(sandboxIdOf(sampleContainer()), [{ ...planned, container: 'c', takenAt: 1 }]);
  });
  await until('it is shipped', async () => shipped() === 1);
  assert.deepEqual(state.plans(), []);
  const { version } = fileVersion(path)!;
  assert.equal(state.isStored(directory, one.name, version), true);
  assert.deepEqual(
    state.stored(directory).map((file) => file.version),
    [version],
  );
});
