import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { podFileName } from '../../core/sandbox-id.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { gambles } from './order.ts';
import { REPLACING_EVERYTHING, SCENARIOS, type Scenario } from './scenarios.ts';
import { Stage } from './target.ts';
import { noTrap, trapped } from './trap.ts';

const skip = noTrap();

for (const scenario of SCENARIOS) {
  test(`podfreight insert  # syncs what it relies on before it does: ${scenario.what}`, { skip }, async (t) => {
    const stage = await Stage.make(scenario, await temporaryFolder(t));
    const { target, args } = await stage.trial('trial');
    const { calls, code, stderr } = await trapped(args, { at: 0, action: 'log' });
    assert.equal(code, 0, stderr);
    assert.deepEqual(gambles(calls, { target, files: filesOf(scenario) }), []);
  });
}

test('podfreight extract  # syncs what it relies on before it does', { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const { target, cwd } = await (await Stage.make(REPLACING_EVERYTHING, folder)).trial('trial');
  const args = ['extract', '-t', target, '-o', join(cwd, 'out')];
  const { calls, code, stderr } = await trapped(args, { at: 0, action: 'log' });
  assert.equal(code, 0, stderr);
  assert.deepEqual(gambles(calls, { target: cwd, files: ['out'] }), []);
  assertEachNeeded(calls, { target: cwd, files: ['out'] }, 2);
});

test('without any one of its syncs, an insert would leave something to chance', { skip }, async (t) => {
  const stage = await Stage.make(REPLACING_EVERYTHING, await temporaryFolder(t));
  const { target, args } = await stage.trial('trial');
  const { calls } = await trapped(args, { at: 0, action: 'log' });
  assertEachNeeded(calls, { target, files: filesOf(REPLACING_EVERYTHING) }, 19);
});

function assertEachNeeded(
  calls: Parameters<typeof gambles>[0],
  promised: Parameters<typeof gambles>[1],
  least: number,
) {
  const syncs = calls.filter(({ name }) => name === 'fsync');
  assert.ok(syncs.length >= least, `only ${syncs.length} syncs`);
  for (const sync of syncs) {
    const rest = calls.filter((call) => call !== sync);
    assert.notDeepEqual(gambles(rest, promised), [], `without the sync of ${sync.path}`);
  }
}

/** The files that the insert has answered for when it ends. */
function filesOf({ bundle: { pods, only } }: Scenario): string[] {
  const chosen = pods.filter(({ entry }) => only === undefined || only === `${entry.namespace}/${entry.name}`);
  return ['checkpointed.pods', ...chosen.map(({ entry }) => podFileName(entry.sandboxId))];
}
