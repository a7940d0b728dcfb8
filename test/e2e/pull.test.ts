import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Cloud } from './cloud.ts';
import { bundleOfThree, PODS, pushBothNodes } from './nodes.ts';
import { FIXTURES, podfreight } from './podfreight.ts';

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
      [['pull', 'default/my-redis'], 2, /--pod namespace\/name/],
      [['pull', bundleId, '--at', '2026-11-22T13:25:00Z'], 2, /without a bundle/],
      [['pull', bundleId, '--pod', 'default/nobody', '-t', at('nobody')], 3, /default\/nobody/],
      [['pull', `s3://${cloud.bundles}/none.tar`], 3, /none\.tar/],
    ] as const) {
      const { code: ended, stdout, stderr } = await cloud.run(args);
      assert.match(stderr, message);
      assert.match(stderr, /^podfreight: [^\n]+\n$/);
      assert.deepEqual([ended, stdout], [code, ''], args.join(' '));
    }
  });
});

describe('podfreight pull --pod', () => {
  const cloud = new Cloud(pushBothNodes);
  const at = (name: string) => join(cloud.folder, name);
  /** SandboxID → outcome of what a command with `--json` did. */
  const outcomes = (stdout: string) =>
    Object.fromEntries(
      JSON.parse(stdout).pods.map(({ sandboxId, outcome }: { sandboxId: string; outcome: string }) => [
        sandboxId,
        outcome,
      ]),
    );

  test('podfreight pull --pod default/my-redis --pod default/counters -t node-c', async () => {
    const target = at('node-c');
    const args = ['pull', '--pod', 'default/my-redis', '--pod', 'default/counters', '-t', target];
    const first = await cloud.run(args);
    assert.deepEqual([first.code, first.stdout, first.stderr], [0, '', '']);
    for (const [id, node] of [
      [PODS.redisOnB, 'node-b'],
      [PODS.counters, 'node-a'],
    ] as const) {
      const [was, is] = await Promise.all([node, 'node-c'].map((name) => readFile(at(join(name, `${id}.tar`)))));
      assert.ok(was && is?.equals(was), `${id} differs`);
    }
    const { stdout } = await podfreight(['show', '-t', target, '--json']);
    assert.deepEqual(
      JSON.parse(stdout).pods.map((pod: { name: string; archiveFound: boolean }) => [pod.name, pod.archiveFound]),
      [
        ['counters', true],
        ['my-redis', true],
      ],
    );

    const again = await cloud.run([...args, '--json']);
    assert.deepEqual(outcomes(again.stdout), { [PODS.redisOnB]: 'unchanged', [PODS.counters]: 'unchanged' });
    assert.deepEqual([again.code, again.stderr, JSON.parse(again.stdout).verified], [0, '', true]);
    assert.deepEqual(await cloud.keys(cloud.bundles), [], 'no bundle was made');
  });

  test('podfreight pull --pod default/my-redis --at 2026-11-22T13:29:59Z --json', async () => {
    const args = ['pull', '--pod', 'default/my-redis', '--at', '2026-11-22T13:29:59Z', '-t', at('node-d'), '--json'];
    const { code, stdout, stderr } = await cloud.run(args);
    assert.deepEqual([code, stderr, outcomes(stdout)], [0, '', { [PODS.redisOnA]: 'inserted' }]);
  });

  test('podfreight pull --pod default/my-redis --node node-a --dry-run', async () => {
    const target = at('node-e');
    const { code, stdout, stderr } = await cloud.run(
      ['pull', '--pod', 'default/my-redis', '--node', 'node-a', '--dry-run'].concat('-t', target),
    );
    assert.deepEqual([code, stdout, stderr], [0, `inserted   default/my-redis  ${PODS.redisOnA}\n`, '']);
    await assert.rejects(readdir(target), { code: 'ENOENT' });
  });

  test('podfreight pull --pod SANDBOX_ID -t node-f', async () => {
    const { code, stdout, stderr } = await cloud.run(['pull', '--pod', PODS.redisOnA, '-t', at('node-f')]);
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
    assert.ok((await readdir(at('node-f'))).includes(`${PODS.redisOnA}.tar`));
  });

  test('podfreight pull --pod edge/web --pod default/counters -o FILE, which inserts', async () => {
    const file = at('two.tar.zst');
    const pull = await cloud.run(['pull', '--pod', 'edge/web', '--pod', 'default/counters', '-o', file]);
    assert.deepEqual([pull.code, pull.stdout, pull.stderr], [0, '', '']);
    const insert = await podfreight(['insert', '-i', file, '-t', at('node-g'), '--json']);
    assert.deepEqual(outcomes(insert.stdout), { [PODS.counters]: 'inserted', [PODS.web]: 'inserted' });
    const [was, is] = await Promise.all(
      ['node-b', 'node-g'].map((name) => readFile(at(join(name, `${PODS.web}.tar`)))),
    );
    assert.ok(was && is?.equals(was));
  });

  test('podfreight pull --pod default/my-redis --on-conflict skip of an archive without an index', async () => {
    const bytes = await readFile(join(FIXTURES, 'node-a.tar.zst'));
    await cloud.put(cloud.archives, `other/node-z/${PODS.redisOnA}/20261122T132500Z.tar.zst`, bytes);
    await cloud.stack.settled();
    const target = at('node-h');
    const args = ['pull', '--pod', 'default/my-redis', '--cluster', 'other', '--on-conflict', 'skip', '-t', target];
    const { code, stdout, stderr } = await cloud.run(args);
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(stderr, /^podfreight: warning: s3:\/\/[^ ]*\/other\/node-z\/[^ ]* carries no digests; [^\n]*\n$/);
    const files = (await readdir(target)).filter((name) => !name.startsWith('.'));
    assert.deepEqual(files, [`${PODS.redisOnA}.tar`, 'checkpointed.pods']);
  });

  test('podfreight pull --pod default/counters of an archive that was damaged since', async () => {
    const [key = ''] = await cloud.keys(cloud.archives, `default/node-a/${PODS.counters}/`);
    const bytes = await cloud.bytes(cloud.archives, key);
    await cloud.put(cloud.archives, key, Buffer.alloc(bytes.length));
    await cloud.stack.settled(); // until then the version is read that was there before
    const target = at('node-i');
    const { code, stdout, stderr } = await cloud.run(['pull', '--pod', 'default/counters', '-t', target]);
    assert.match(stderr, /^podfreight: [^\n]+\n$/);
    assert.ok(code !== 0 && stdout === '', `${code} ${stdout}`);
    await assert.rejects(readdir(target), { code: 'ENOENT' });
    await cloud.put(cloud.archives, key, bytes);
    await cloud.stack.settled();
  });

  test('refuses what it cannot pull', async () => {
    const redis = ['--pod', 'default/my-redis'];
    for (const [args, code, message] of [
      [[], 2, /Say what to pull: a bundle, s3:\/\/bucket\/key, or --pod namespace\/name\./],
      [['--pod', 'default/nobody'], 3, /no checkpoint.*default\/nobody/],
      [[...redis, '--pod', 'default/nobody'], 3, /no checkpoint.*default\/nobody/],
      [[...redis, '--at', '2001-01-01T00:00:00Z'], 3, /no checkpoint.*default\/my-redis.*2001/],
      [[...redis, '--at', 'yesterday'], 2, /--at/],
      [[...redis, '--node', ''], 2, /--node/],
      [[...redis, '--node', 'node-q'], 3, /node-q/],
      [[...redis, '--cluster', 'elsewhere'], 3, /elsewhere/],
      [[...redis, '--table', 'no-such-table'], 3, /no-such-table/],
      [[...redis, '-o', at('f.tar.zst'), '--dry-run'], 2, /--dry-run/],
      [['--pod', 'a/b/c'], 2, /namespace\/name or a SandboxID/],
    ] as const) {
      const { code: ended, stdout, stderr } = await cloud.run(['pull', ...args, '-t', at('node-j')]);
      assert.match(stderr, message);
      assert.match(stderr, /^podfreight: [^\n]+\n$/);
      assert.deepEqual([ended, stdout], [code, ''], args.join(' '));
    }
    await assert.rejects(readdir(at('node-j')), { code: 'ENOENT' });
  });
});
