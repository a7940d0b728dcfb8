import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Log } from '../../../cli/agent/log.ts';
import { Metrics } from '../../../cli/agent/metrics.ts';
import { Pruner } from '../../../cli/agent/pruner.ts';
import type { AgentState } from '../../../cli/agent/state.ts';
import { fileVersion } from '../../../cli/file-version.ts';
import type { ArchiveStore, Catalogue } from '../../../core/ports.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

test('what the catalogue does not know yet is asked for again, later and later, and not at every sweep', async (t) => {
  const directory = await temporaryFolder(t);
  const path = join(directory, 'a.tar');
  await writeFile(path, 'archive');
  const { version } = fileVersion(path)!;
  const file = { directory, name: 'a.tar', version, digest: 'd', sizeBytes: 7, container: 'c', takenAt: 1 };
  let asked = 0;
  const metrics = new Metrics();
  const pruner = new Pruner({
    directories: [directory],
    rules: { keep: 0 },
    catalogue: {
      archive: async () => {
        asked += 1;
      },
    } as unknown as Catalogue,
    store: {} as ArchiveStore,
    state: {
      stored: () => [{ ...file, location: { bucket: 'b', key: 'k' }, objectBytes: 1 }],
    } as unknown as AgentState,
    log: new Log('json', () => {}),
    metrics,
    signal: new AbortController().signal,
    onAsk: () => {},
    complain: (_, error) => assert.fail(String(error)),
  });
  const guarded = (_: string, act: () => Promise<void>) => act();
  assert.equal(pruner.dueAt, Number.POSITIVE_INFINITY);
  const waits: number[] = [];
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  for (let i = 0; i < 6; i++) {
    await pruner.prune(guarded);
    await pruner.prune(guarded);
    assert.equal(asked, i + 1);
    waits.push(pruner.dueAt - now);
    now = pruner.dueAt;
  }
  for (const [i, wait] of waits.entries()) assert.ok(wait >= Math.min(2000 * 2 ** i, 60_000) * 0.75 && wait <= 60_000);
  assert.equal(metrics.get('files_removed_total'), 0);
});
