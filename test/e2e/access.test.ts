import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { formatManifest } from '../../core/manifest/manifest.ts';
import type { Fault } from '../../infra/local/s3/server.ts';
import type { Principal } from '../../infra/local/sessions.ts';
import { manifest, pod } from '../cli/pods.ts';
import { Node, sample, until } from './agent.ts';
import { Cloud } from './cloud.ts';
import { makeNode, PODS } from './nodes.ts';
import { temporaryFolder } from './podfreight.ts';

const MiB = 2 ** 20;

// The main job by those who are meant to do it, each with a role of the stack.

function node(name: string): Principal {
  return { name: 'node', tags: { 'podfreight-cluster': 'default', 'podfreight-node': name } };
}
const READER: Principal = { name: 'reader' };
const OPERATOR: Principal = { name: 'operator' };

describe('with the roles of the stack and nothing else', () => {
  let fault: ((operation: string) => Fault | undefined) | undefined;
  const cloud = new Cloud(undefined, { s3: { faults: ({ operation }) => fault?.(operation) } });

  async function succeeds(principal: Principal, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await cloud.runAs(principal, args);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    return stdout;
  }

  async function isDenied(principal: Principal, ...args: string[]): Promise<void> {
    const { code, stderr } = await cloud.runAs(principal, args);
    assert.equal(code, 12, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, /^podfreight: [^\n]+\n$/);
  }

  test('a node pushes its own, small and large, cut off and gone on with, again and again', async (t) => {
    for (const name of ['node-a', 'node-b'] as const) {
      const directory = await makeNode(await temporaryFolder(t), name);
      await succeeds(node(name), 'push', directory, '--node', name);
      await succeeds(node(name), 'push', directory, '--node', name);
    }
    const large = join(await temporaryFolder(t), 'large');
    await mkdir(large);
    await writeFile(join(large, 'large.tar'), randomBytes(20 * MiB));
    await writeFile(join(large, 'checkpointed.pods'), formatManifest(manifest(pod('large'))));
    const push = ['push', large, '--node', 'node-a', '-c', 'none'];
    fault = (operation) =>
      operation === 'CompleteMultipartUpload' ? { status: 403, code: 'AccessDenied' } : undefined;
    await isDenied(node('node-a'), ...push);
    fault = undefined;
    assert.equal(await cloud.unfinishedUploads(cloud.archives), 1);
    await succeeds(node('node-a'), ...push);
    assert.equal(await cloud.unfinishedUploads(cloud.archives), 0);
    await cloud.stack.settled();
  });

  test('a node cannot push as another, as one of another cluster, or without saying who it is', async (t) => {
    const directory = await makeNode(await temporaryFolder(t), 'node-a');
    await isDenied(node('node-b'), 'push', directory, '--node', 'node-a');
    await isDenied(node('node-a'), 'push', directory, '--node', 'node-a', '--cluster', 'prod');
    await isDenied({ name: 'node' }, 'push', directory, '--node', 'node-a');
    await isDenied(READER, 'push', directory, '--node', 'node-c');
  });

  test('an agent of EKS ships, and looks into the catalogue', async (t) => {
    const env = {
      ...cloud.stack.environment,
      ...cloud.stack.credentialsOf({ name: 'agent', tags: { 'eks-cluster-name': 'default' } }),
    };
    const here = await Node.make(t, 'node-eks', env);
    const first = sample({ seed: 1 });
    await writeFile(here.path(first), first.bytes);
    assert.equal((await here.flush()).code, 0);
    await cloud.stack.settled();
    assert.equal((await cloud.keys(cloud.archives, 'default/node-eks/')).length, 1);
    // Without its notes, it asks what it has shipped before.
    await rm(here.state);
    assert.equal((await here.flush()).code, 0);
    const pruning = await here.agent('--prune', '--keep', '0', '--min-free', '99%');
    await until('it is removed', async () => (await pruning.metric('files_removed_total')) === 1);
    assert.equal((await pruning.stop()).code, 0);

    const elsewhere = { ...env, ...cloud.stack.credentialsOf({ name: 'agent', tags: { 'eks-cluster-name': 'prod' } }) };
    const there = await Node.make(t, 'node-other', elsewhere);
    await writeFile(there.path(first), first.bytes);
    assert.notEqual((await there.flush()).code, 0);
    assert.deepEqual(await cloud.keys(cloud.archives, 'default/node-other/'), []);
  });

  test('a reader lists and pulls, an operator bundles, and no one else does', async (t) => {
    const folder = await temporaryFolder(t);
    const pods = ['--pod', 'default/counters', '--pod', 'default/my-redis', '--pod', 'edge/web'];
    const queries = [
      ['--node', 'node-a'],
      ['--namespace', 'default'],
      ['--pod', 'edge/web'],
      ['--bundles'],
      ['--rejected'],
    ];
    queries.push(['--image', 'redis'], ['--sandbox-id', PODS.web]);
    for (const query of queries) await succeeds(READER, 'list', ...query);
    await succeeds(READER, 'pull', ...pods, '-t', join(folder, 'without'));
    await isDenied(READER, 'bundle', ...pods);
    await succeeds(OPERATOR, 'bundle', ...pods, '--dry-run');
    const bundleId = (await succeeds(OPERATOR, 'bundle', ...pods, '--quiet')).trim();
    assert.equal((await succeeds(OPERATOR, 'bundle', ...pods, '--quiet')).trim(), bundleId);
    // Plain among zstd, which is rewritten first, and long enough for parts.
    await succeeds(OPERATOR, 'bundle', ...pods, '--sandbox-id', 'large');
    await succeeds(READER, 'pull', bundleId, '-t', join(folder, 'bundle'));
    await isDenied(node('node-a'), 'pull', bundleId, '-t', join(folder, 'node'));
    await isDenied(node('node-a'), 'list');
  });
});
