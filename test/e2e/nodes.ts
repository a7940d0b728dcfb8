import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cloud } from './cloud.ts';
import { FIXTURES, podfreight } from './podfreight.ts';

/** SandboxIDs of the real checkpoints: two nodes, and the same pod `default/my-redis` on both. */
export const PODS = {
  redisOnA: '833664a589456e661c84f6f5a4eaf962b49b5ec10462e9475e3c5fa9a6bc60cc',
  counters: '8bea2d9a602b6c6ddbe7205bcf56d40c2ed2a27f4862043a3d05e55f60595f7d',
  redisOnB: '273b27021c1f4bd8869936fa10578a407ea3b567cb12a3557459e247556d9dee',
  web: '248599dae39867f83f9beccedd7b2d8c83e7430aedf717e4392092b0750b59b3',
} as const;

/** The packed samples have one time for all; really this one was the later. */
const REDIS_ON_B_TIME = new Date('2026-11-22T13:30:00Z');

/** A kubelet directory `<folder>/<node>` with what was really checkpointed on `node-a` or `node-b`. */
export async function makeNode(folder: string, node: 'node-a' | 'node-b'): Promise<string> {
  const directory = join(folder, node);
  const { code, stderr } = await podfreight(['insert', '-i', join(FIXTURES, `${node}.tar.zst`), '-t', directory]);
  assert.equal(code, 0, stderr);
  if (node === 'node-b') await utimes(join(directory, `${PODS.redisOnB}.tar`), REDIS_ON_B_TIME, REDIS_ON_B_TIME);
  return directory;
}

/** Both nodes, pushed one after the other and catalogued. */
export async function pushBothNodes(cloud: Cloud): Promise<void> {
  for (const node of ['node-a', 'node-b'] as const) {
    const directory = await makeNode(cloud.folder, node);
    const { code, stderr } = await cloud.run(['push', '-t', directory, '--node', node]);
    assert.equal(code, 0, stderr);
    await cloud.stack.settled();
  }
}

/** The bundle id of `default/counters`, the newest `default/my-redis` and `edge/web`. */
export async function bundleOfThree(cloud: Cloud): Promise<string> {
  const pods = ['--pod', 'default/counters', '--pod', 'default/my-redis', '--pod', 'edge/web'];
  const { code, stdout, stderr } = await cloud.run(['bundle', ...pods, '--quiet']);
  assert.deepEqual([code, stderr], [0, '']);
  return stdout.trim();
}
