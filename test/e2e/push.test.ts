import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openArchive } from '../../core/archive/reader.ts';
import { MemorySource } from '../core/archive/memory-source.ts';
import { Cloud } from './cloud.ts';
import { makeNode, PODS } from './nodes.ts';
import { FIXTURES, podfreight, start, temporaryFolder } from './podfreight.ts';

const TIME = '20261122T132534Z';

describe('podfreight push', () => {
  const cloud = new Cloud();

  const nodeA = async (test: TestContext) => makeNode(await temporaryFolder(test), 'node-a');

  test('podfreight push -t DIR --node node-a, twice', async (test) => {
    const directory = await nodeA(test);
    const first = await cloud.run(['push', '-t', directory, '--node', 'node-a', '--json']);
    assert.deepEqual([first.code, first.stderr], [0, '']);
    const { archives } = JSON.parse(first.stdout);
    assert.deepEqual(
      archives.map(({ sandboxIds, stored }: { sandboxIds: string[]; stored: boolean }) => [sandboxIds, stored]),
      [
        [[PODS.redisOnA], true],
        [[PODS.counters], true],
      ],
    );
    const keys = await cloud.keys(cloud.archives, 'default/node-a/');
    assert.deepEqual(
      keys.map((key) => key.split('/')[2]),
      [PODS.redisOnA, PODS.counters],
    );

    const archive = await openArchive(new MemorySource(await cloud.bytes(cloud.archives, keys[1] ?? '')));
    assert.deepEqual(
      archive.index?.members.map(({ name }) => name),
      ['checkpointed.pods', `${PODS.counters}.tar`],
    );
    const chunks: Buffer[] = [];
    for await (const { member, data } of archive.members()) {
      for await (const chunk of data) if (member.name !== 'checkpointed.pods') chunks.push(chunk);
    }
    assert.ok(Buffer.concat(chunks).equals(await readFile(join(directory, `${PODS.counters}.tar`))));

    const again = await cloud.run(['push', directory, '--node', 'node-a']);
    assert.deepEqual([again.code, again.stderr], [0, '']);
    assert.match(again.stdout, /^present {2}s3:\S+833664a5\S+ .*\npresent {2}s3:\S+8bea2d9a\S+ .*\n$/);
    assert.deepEqual(await cloud.keys(cloud.archives, 'default/node-a/'), keys);
  });

  test('podfreight push --pod default/counters', async (test) => {
    const directory = await nodeA(test);
    const { code, stdout } = await cloud.run(['push', directory, '--node', 'one-pod', '--pod', 'default/counters']);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^pushed {3}s3:\S+\/default\/one-pod\/8bea2d9a\S+\.tar\.zst {2}\(400\.0 KiB as [\d.]+ KiB\)\n$/,
    );
    assert.equal((await cloud.keys(cloud.archives, 'default/one-pod/')).length, 1);
  });

  test('podfreight push -c none of another checkpoint of the same second goes beside the first', async (test) => {
    const directory = await nodeA(test);
    const args = ['push', directory, '--node', 'collision', '--pod', 'default/counters', '-c', 'none'];
    assert.equal((await cloud.run(args)).code, 0);
    const file = join(directory, `${PODS.counters}.tar`);
    const other = await readFile(file);
    other[5000] = (other[5000] ?? 0) ^ 1;
    const { mtime } = await import('node:fs/promises').then(({ stat }) => stat(file));
    await writeFile(file, other);
    await utimes(file, mtime, mtime);
    const second = await cloud.run([...args, '--json']);
    assert.equal(JSON.parse(second.stdout).archives[0].stored, true);
    const keys = await cloud.keys(cloud.archives, 'default/collision/');
    assert.equal(keys.length, 2);
    assert.match(keys.join(' '), /Z-[0-9a-f]{8}\.tar .*Z\.tar$/);
    const third = await cloud.run([...args, '--json']);
    assert.equal(JSON.parse(third.stdout).archives[0].stored, false);
    assert.deepEqual(await cloud.keys(cloud.archives, 'default/collision/'), keys);
  });

  test('podfreight push of the same bytes under a changed manifest goes beside the first', async (test) => {
    const directory = await nodeA(test);
    const args = ['push', directory, '--node', 'changed', '--pod', 'default/counters', '--json'];
    assert.equal((await cloud.run(args)).code, 0);
    const manifest = join(directory, 'checkpointed.pods');
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replaceAll('10.85.0.8', '10.85.0.9'));
    const second = await cloud.run(args);
    assert.equal(JSON.parse(second.stdout).archives[0].stored, true);
    assert.equal((await cloud.keys(cloud.archives, 'default/changed/')).length, 2);
    assert.equal(JSON.parse((await cloud.run(args)).stdout).archives[0].stored, false);
  });

  test('podfreight push FILE of the first checkpointctl is framed anew', async () => {
    const { code, stderr } = await cloud.run(['push', join(FIXTURES, 'node-a.tar.zst'), '--node', 'framed']);
    assert.deepEqual([code, stderr], [0, '']);
    const [key = ''] = await cloud.keys(cloud.archives, 'default/framed/');
    assert.match(key, new RegExp(`^default/framed/pods-[0-9a-f]{16}/${TIME}\\.tar\\.zst$`));
    const { index } = await openArchive(new MemorySource(await cloud.bytes(cloud.archives, key)));
    assert.deepEqual(
      index?.members.map(({ name }) => name),
      ['checkpointed.pods', `${PODS.redisOnA}.tar`, `${PODS.counters}.tar`],
    );
  });

  test('podfreight push FILE of "podfreight extract" goes up as it is', async (test) => {
    const directory = await nodeA(test);
    const file = join(directory, '..', 'node-a.tar.zst');
    assert.equal((await podfreight(['extract', '-t', directory, '-o', file])).code, 0);
    const { code, stderr } = await cloud.run(['push', file, '--node', 'as-is']);
    assert.deepEqual([code, stderr], [0, '']);
    const [key = ''] = await cloud.keys(cloud.archives, 'default/as-is/');
    assert.ok((await cloud.bytes(cloud.archives, key)).equals(await readFile(file)));
  });

  describe('refuses, with nothing left behind:', () => {
    async function refused(args: string[], expected: { code: number; stderr: RegExp; env?: Record<string, string> }) {
      const keys = await cloud.keys(cloud.archives);
      const { code, stdout, stderr } = await cloud.run(args, { env: expected.env ?? {} });
      assert.match(stderr, expected.stderr);
      assert.match(stderr, /^podfreight: [^\n]+\n$/);
      assert.deepEqual([code, stdout], [expected.code, '']);
      assert.deepEqual(await cloud.keys(cloud.archives), keys);
      assert.equal(await cloud.unfinishedUploads(cloud.archives), 0);
    }

    test('a directory that does not exist', async () => {
      await refused(['push', '/does/not/exist'], { code: 3, stderr: /\/does\/not\/exist.*no such file or directory/i });
    });

    test('a directory whose manifest names files that are missing', async (test) => {
      const directory = await nodeA(test);
      await rm(join(directory, `${PODS.redisOnA}.tar`));
      await refused(['push', directory, '--node', 'missing'], {
        code: 3,
        stderr: new RegExp(`${PODS.redisOnA}\\.tar`),
      });
    });

    test('an archive cut off in the middle', async (test) => {
      const file = join(await temporaryFolder(test), 'cut.tar.zst');
      await copyFile(join(FIXTURES, 'node-a.tar.zst'), file);
      await truncate(file, 1_000_000);
      await refused(['push', file], { code: 5, stderr: /cut\.tar\.zst.*ends/ });
    });

    test('a file that is no archive', async (test) => {
      const file = join(await temporaryFolder(test), 'notes.txt');
      await writeFile(file, 'not an archive\n'.repeat(100));
      await refused(['push', file], { code: 5, stderr: /notes\.txt/ });
    });

    test('a bucket that does not exist', async (test) => {
      const directory = await nodeA(test);
      await refused(['push', directory, '--archives-bucket', 'no-such-bucket'], {
        code: 3,
        stderr: /bucket.*no-such-bucket.*does not exist/i,
      });
    });

    test('without a bucket', async (test) => {
      const directory = await nodeA(test);
      await refused(['push', directory], {
        code: 2,
        stderr: /PODFREIGHT_ARCHIVES_BUCKET/,
        env: { PODFREIGHT_ARCHIVES_BUCKET: '' },
      });
    });

    test('without credentials', async (test) => {
      const directory = await nodeA(test);
      const env = {
        AWS_ACCESS_KEY_ID: '',
        AWS_SECRET_ACCESS_KEY: '',
        AWS_EC2_METADATA_DISABLED: 'true',
        HOME: directory,
      };
      await refused(['push', directory], { code: 11, stderr: /No AWS credentials/, env });
    });

    test('with a wrong secret', async (test) => {
      const directory = await nodeA(test);
      await refused(['push', directory], {
        code: 12,
        stderr: /credentials|access/,
        env: { AWS_SECRET_ACCESS_KEY: 'wrong' },
      });
    });

    test('an endpoint where nothing listens', async (test) => {
      const directory = await nodeA(test);
      const env = { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' };
      await refused(['push', directory], { code: 13, stderr: /does not answer/, env });
    });

    /** Accepts connections and never answers. */
    async function silentEndpoint(test: TestContext) {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
      const asked = once(server, 'connection');
      test.after(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      await once(server, 'listening');
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
    }

    test('an endpoint that accepts and never answers', async (test) => {
      const directory = await nodeA(test);
      const env = { AWS_ENDPOINT_URL_S3: (await silentEndpoint(test)).url };
      await refused(['push', directory], { code: 13, stderr: /does not answer/, env });
    });

    test('SIGINT while an endpoint does not answer', async (test) => {
      const { url, asked } = await silentEndpoint(test);
      const { child, ended } = start(['list'], { env: { ...cloud.stack.environment, AWS_ENDPOINT_URL_DYNAMODB: url } });
      await Promise.race([asked, ended]);
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      assert.deepEqual([code, stderr], [130, 'podfreight: Stopped by SIGINT.\n']);
    });

    test('--compress gzip, and a node name that is no name', async (test) => {
      const directory = await nodeA(test);
      await refused(['push', directory, '-c', 'gzip'], { code: 2, stderr: /zstd or none/ });
      await refused(['push', directory, '--node', ''], { code: 2, stderr: /--node must not be empty/ });
      await refused(['push', directory, '--node', '../other'], { code: 2, stderr: /node name "..\/other"/ });
    });
  });
});
