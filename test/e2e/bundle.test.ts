import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CreateMultipartUploadCommand, DeleteObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { archiveOf, incompressible } from '../core/catalogue/archives.ts';
import { Cloud } from './cloud.ts';
import { pushBothNodes } from './nodes.ts';
import { FIXTURES } from './podfreight.ts';

describe('podfreight bundle', () => {
  const cloud = new Cloud(pushBothNodes);

  test('podfreight bundle --pod default/counters --pod default/my-redis --pod edge/web', async () => {
    const pods = ['--pod', 'default/counters', '--pod', 'default/my-redis', '--pod', 'edge/web'];
    const { code, stdout, stderr } = await cloud.run(['bundle', ...pods]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Bundle [0-9a-f]{32}: 3 pods, [\d.]+ MiB \(.*\)\n {2}default\/counters /);
    assert.match(
      stdout,
      /\(\d+ parts?, .* copied by S3, .* through the function, \d+ requests to S3 and 4 to DynamoDB\)/,
    );
    const bundleId = /^Bundle (\S+):/.exec(stdout)?.[1] ?? '';
    assert.deepEqual(await cloud.keys(cloud.bundles), [`${bundleId}.tar.zst`]);
    assert.equal(await cloud.unfinishedUploads(cloud.bundles), 0);

    const again = await cloud.run(['bundle', ...pods.toReversed().map((word, i, all) => all[i ^ 1] ?? word), '--json']);
    const { created, ...result } = JSON.parse(again.stdout);
    assert.deepEqual([created, result.bundleId], [false, bundleId]);
    const quiet = await cloud.run(['bundle', ...pods, '--quiet']);
    assert.equal(quiet.stdout, `${bundleId}\n`);
    const bundles = await cloud.run(['list', '--bundles']);
    assert.match(
      bundles.stdout,
      new RegExp(`\\| ${bundleId} \\| .* \\| default/counters .*\\n.*default/my-redis edge/web`),
    );
  });

  test('podfreight bundle --namespace default --dry-run', async () => {
    const before = await cloud.keys(cloud.bundles);
    const pods = ['bundle', '--namespace', 'default'];
    const { code, stdout, stderr } = await cloud.run([...pods, '--dry-run']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /^Would make bundle [0-9a-f]{32}: 2 pods of 2 archives, [\d.]+ MiB \(\d+ parts copied and \d /,
    );
    assert.match(stdout, /\n {2}default\/counters .*\n {2}default\/my-redis .*\n$/);
    assert.deepEqual(await cloud.keys(cloud.bundles), before);

    const forecast = JSON.parse((await cloud.run([...pods, '--dry-run', '--json'])).stdout);
    const made = JSON.parse((await cloud.run([...pods, '--json'])).stdout);
    assert.deepEqual([forecast.state, forecast.exact, forecast.there], ['planned', true, false]);
    for (const same of ['bundleId', 'sizeBytes', 'bytesCopied', 'bytesThrough', 'requests', 'pods', 'podCount']) {
      assert.deepEqual(made[same], forecast[same], same);
    }
    assert.equal(made.parts, forecast.parts.copied + forecast.parts.uploaded);
    const again = await cloud.run([...pods, '--dry-run']);
    assert.match(again.stdout, /\(it is there already\)/);
  });

  test('goes on after a function that was killed, and leaves nothing of it', async () => {
    const long = await archiveOf([{ sandboxId: 'long-1', content: incompressible(12_000_000) }]);
    await cloud.put(cloud.archives, 'default/node-d/long-1/20261122T132000Z.tar.zst', long);
    await cloud.stack.settled();
    const pods = ['bundle', '--pod', 'default/counters', '--pod', 'default/long-1', '--json'];
    const first = JSON.parse((await cloud.run(pods)).stdout);
    const Bucket = cloud.bundles;
    const Key: string = first.location.key;
    const made = await cloud.bytes(Bucket, Key);
    await cloud.s3.send(new DeleteObjectCommand({ Bucket, Key }));
    const checksum = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;
    for (const PartNumber of [1, 2]) {
      const { UploadId } = await cloud.s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...checksum }));
      await cloud.s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: 'half' }));
    }
    assert.equal(await cloud.unfinishedUploads(Bucket), 2);
    const again = JSON.parse((await cloud.run(pods)).stdout);
    assert.deepEqual([again.created, again.bundleId], [true, first.bundleId]);
    assert.ok(made.equals(await cloud.bytes(Bucket, Key)));
    assert.equal(await cloud.unfinishedUploads(Bucket), 0);
  });

  test('is listed again when its item was lost, once buckets and catalogue are compared', async () => {
    const made = JSON.parse((await cloud.run(['bundle', '--pod', 'default/counters', '--json'])).stdout);
    const listed = async () => {
      const { bundles } = JSON.parse((await cloud.run(['list', '--bundles', '--json'])).stdout);
      return bundles.find(({ bundleId }: { bundleId: string }) => bundleId === made.bundleId);
    };
    const before = await listed();
    assert.equal(before.pods[0].origin.node, 'node-a');
    await cloud.forgetBundle(before);
    assert.equal(await listed(), undefined);
    const { counts } = await cloud.invoke<{ counts: Record<string, number> }>('podfreight-reconcile', {
      graceSeconds: 0,
    });
    assert.deepEqual([counts.bundlesUncatalogued, counts.failed], [1, 0]);
    assert.deepEqual(await listed(), before);
  });

  test('says what had to be rewritten, and why', async () => {
    const key = 'default/node-c/from-elsewhere/20261122T140000Z.tar.zst';
    await cloud.put(cloud.archives, key, await readFile(join(FIXTURES, 'node-b.tar.zst')));
    await cloud.stack.settled();
    const pods = ['bundle', '--node', 'node-c'];
    const why = new RegExp(
      `\n {2}s3://\\S+/${key}: it has no index of podfreight \\(([\\d.]+ \\S+ rewritten|.*earlier)\\)\n`,
    );
    const foretold = await cloud.run([...pods, '--dry-run']);
    assert.match(foretold.stdout, /^Would make a bundle: 2 pods of 1 archive, about /);
    assert.match(foretold.stdout, why);
    const made = await cloud.run(pods);
    assert.match(made.stdout, why);
    const again = await cloud.run(pods);
    assert.match(again.stdout, /the same bundle was there already.*\n(.*\n)+.*rewritten earlier/);
  });

  test('refuses what it cannot bundle', async () => {
    for (const [args, code, message] of [
      [['bundle', '--pod', 'default/nobody'], 3, /no checkpoint.*default\/nobody/],
      [['bundle'], 2, /Say which pods/],
      [['bundle', '--pod', 'a/b', '--dry-run', '--quiet'], 2, /--quiet/],
      [['bundle', '--pod', 'nobody'], 2, /namespace\/name/],
      [['bundle', '--pod', 'a/b', '--bundle-function', 'no-such-function'], 3, /no-such-function/],
    ] as const) {
      const { code: ended, stdout, stderr } = await cloud.run(args);
      assert.match(stderr, message);
      assert.match(stderr, /^podfreight: [^\n]+\n$/);
      assert.deepEqual([ended, stdout], [code, ''], args.join(' '));
    }
  });
});
