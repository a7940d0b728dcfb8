import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Cloud } from './cloud.ts';
import { bundleOfThree, PODS, pushBothNodes } from './nodes.ts';
import { podfreight } from './podfreight.ts';

describe('podfreight pull', () => {
  let bundleId: string;
  const cloud = new Cloud(async () => {
    await pushBothNodes(cloud);
    bundleId = await bundleOfThree(cloud);
  });
  const at = (name: string) => join(cloud.folder, name);

  test('podfreight pull BUNDLE -t node-c', async () => {
    const target = at('node-c');
    const first = await cloud.run(['pull', bundleId, '-t', target]);
    assert.deepEqual([first.code, first.stdout, first.stderr], [0, '', '']);
    const files = (await readdir(target)).filter((name) => !name.startsWith('.'));
    assert.deepEqual(
      files,
      [PODS.web, PODS.redisOnB, PODS.counters]
        .map((id) => `${id}.tar`)
        .concat('checkpointed.pods')
        .toSorted(),
    );
    for (const [id, node] of [
      [PODS.web, 'node-b'],
      [PODS.redisOnB, 'node-b'],
      [PODS.counters, 'node-a'],
    ] as const) {
      const [was, is] = await Promise.all([node, 'node-c'].map((name) => readFile(at(join(name, `${id}.tar`)))));
      assert.ok(was && is?.equals(was), `${id} differs`);
    }
    const show = await podfreight(['show', '-t', target, '--json']);
    const found = JSON.parse(show.stdout).pods.map((pod: { archiveFound: boolean }) => pod.archiveFound);
    assert.deepEqual(found, [true, true, true]);

    const again = await cloud.run(['pull', bundleId, '-t', target, '--json']);
    const outcomes = JSON.parse(again.stdout).pods.map((pod: { outcome: string }) => pod.outcome);
    assert.deepEqual(outcomes, ['unchanged', 'unchanged', 'unchanged']);
  });

  test('podfreight pull BUNDLE -o FILE is what S3 has, and inserts', async () => {
    const file = at('bundle.tar.zst');
    const pull = await cloud.run(['pull', bundleId, '-o', file]);
    assert.deepEqual([pull.code, pull.stdout, pull.stderr], [0, '', '']);
    assert.ok((await readFile(file)).equals(await cloud.bytes(cloud.bundles, `${bundleId}.tar.zst`)));
    const insert = await podfreight(['insert', '-i', file, '-t', at('node-d')]);
    assert.deepEqual([insert.code, insert.stderr], [0, '']);
  });

  test('podfreight pull s3://…/archive --pod default/counters', async () => {
    const [key = ''] = await cloud.keys(cloud.archives, `default/node-a/${PODS.counters}/`);
    const target = at('node-e');
    const pull = await cloud.run(['pull', `s3://${cloud.archives}/${key}`, '-t', target, '--pod', 'default/counters']);
    assert.deepEqual([pull.code, pull.stderr], [0, '']);
    assert.ok((await readdir(target)).includes(`${PODS.counters}.tar`));
  });

  test('podfreight pull of a damaged archive leaves the target as it was', async () => {
    const bytes = await cloud.bytes(cloud.bundles, `${bundleId}.tar.zst`);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0x10;
    await cloud.put(cloud.bundles, 'damaged.tar.zst', bytes);
    const target = at('node-f');
    for (const args of [
      ['-t', target],
      ['-o', at('damaged.tar.zst')],
    ]) {
      const { code, stdout, stderr } = await cloud.run(['pull', `s3://${cloud.bundles}/damaged.tar.zst`, ...args]);
      assert.match(stderr, /^podfreight: [^\n]*damaged\.tar\.zst[^\n]*\n$/);
      assert.deepEqual([code, stdout], [6, '']);
    }
    assert.deepEqual(
      (await readdir(cloud.folder)).filter((name) => name.includes('damaged')),
      [],
    );
    const left = await readdir(target, { recursive: true }).catch(() => []);
    assert.deepEqual(
      left.filter((name) => /\.tar$|pods$/.test(name)),
      [],
    );
  });

  test('refuses what it cannot pull', async () => {
    for (const [args, code, message] of [
      [['pull', '0'.repeat(32)], 3, /no bundle 0{32}/],
      [['pull', 'latest'], 2, /neither a bundle id nor s3/],
      [['pull', `s3://${cloud.bundles}/none.tar`], 3, /none\.tar/],
    ] as const) {
      const { code: ended, stdout, stderr } = await cloud.run(args);
      assert.match(stderr, message);
      assert.match(stderr, /^podfreight: [^\n]+\n$/);
      assert.deepEqual([ended, stdout], [code, ''], args.join(' '));
    }
  });
});
