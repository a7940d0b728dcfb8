import assert from 'node:assert/strict';
import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { KubeletDirectory } from '../../cli/kubelet-directory.ts';
import { encodeHeader } from '../../core/archive/tar-encode.ts';
import { formatManifest } from '../../core/manifest/manifest.ts';
import { manifest, pod } from '../cli/pods.ts';
import { Cloud } from './cloud.ts';
import { temporaryFolder } from './podfreight.ts';
import { spending } from './spending.ts';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
/** More than 32 bits can say, and no whole block. */
const SIZE_BYTES = 4 * GiB + 5;
const MEMORY_BYTES = 256 * MiB;
const MODIFIED_AT = new Date('2026-11-22T13:20:00Z');
/** It takes seconds, but not on every machine. */
const SLOW_MS = 600_000;
/** Writes all of it to disk, twice. */
const FULL = process.env.PODFREIGHT_LARGE !== undefined;

/** A kubelet directory with one pod, of zeros but for its ends, which takes no room. */
async function largePod(t: TestContext, sizeBytes: number): Promise<{ folder: string; node: string }> {
  const folder = await temporaryFolder(t);
  const node = join(folder, 'node');
  await mkdir(node);
  const directory = new KubeletDirectory(node);
  await using file = await open(directory.podPath('large'), 'w');
  await file.truncate(sizeBytes);
  for (const [text, at] of [
    ['first', 0],
    ['last.', sizeBytes - 5],
  ] as const)
    await file.write(text, at);
  await using listed = await open(directory.manifestPath, 'w');
  await listed.writeFile(formatManifest(manifest(pod('large'))));
  return { folder, node };
}

suite('a pod of more than 4 GiB, in bounded memory', () => {
  const cloud = new Cloud();

  test('podfreight extract, show, insert --dry-run, push, pull --dry-run', { timeout: SLOW_MS }, async (t) => {
    const { folder, node } = await largePod(t, SIZE_BYTES);
    const archive = join(folder, 'node.tar.zst');
    const extract = await spending(['extract', '-t', node, '-o', archive]);
    const wire = await stat(archive);
    assert.ok(extract.readBytes < SIZE_BYTES + MiB && extract.writtenBytes === wire.size, JSON.stringify(extract));

    const show = await spending(['show', archive, '--json']);
    assert.equal(JSON.parse(show.stdout).pods[0].archiveFound, true);
    assert.ok(show.readBytes < MiB, `${show.readBytes}`);

    const lands = ({ stdout }: { stdout: string }) => {
      const [{ sizeBytes, outcome }] = JSON.parse(stdout).pods;
      assert.deepEqual([sizeBytes, outcome], [SIZE_BYTES, 'inserted']);
    };
    const insert = await spending(['insert', '-i', archive, '-t', join(folder, 'other'), '--dry-run', '--json']);
    lands(insert);
    assert.ok(insert.readBytes < wire.size + MiB);

    const { environment } = cloud.stack;
    const push = await spending(['push', archive, '--json'], environment);
    const [{ bucket, key, sizeBytes }] = JSON.parse(push.stdout).archives;
    assert.equal(sizeBytes, wire.size);
    const target = join(folder, 'pulled');
    const pull = await spending(['pull', `s3://${bucket}/${key}`, '-t', target, '--dry-run', '--json'], environment);
    lands(pull);
    for (const { memoryBytes } of [extract, show, insert, push, pull]) {
      assert.ok(memoryBytes < MEMORY_BYTES, `${memoryBytes}`);
    }
  });
});

test('podfreight extract -c none, insert  # a pod of more than 4 GiB, written to disk', {
  skip: !FULL && 'writes 8 GiB; "npm run test:large" does',
  timeout: SLOW_MS,
}, async (t) => {
  const { folder, node } = await largePod(t, SIZE_BYTES);
  const archive = join(folder, 'node.tar');
  const other = new KubeletDirectory(join(folder, 'other'));
  const extract = await spending(['extract', '-t', node, '-o', archive, '-c', 'none']);
  const insert = await spending(['insert', '-i', archive, '-t', other.path]);
  await using file = await open(other.podPath('large'));
  assert.equal((await file.stat()).size, SIZE_BYTES);
  for (const [text, at] of [
    ['first', 0],
    ['last.', SIZE_BYTES - 5],
  ] as const) {
    const { buffer } = await file.read(Buffer.alloc(5), 0, 5, at);
    assert.equal(buffer.toString(), text);
  }
  for (const { memoryBytes } of [extract, insert]) assert.ok(memoryBytes < MEMORY_BYTES, `${memoryBytes}`);
});

test('podfreight show x.tar  # a plain tar of 10 GiB: less than 1 MiB of it is read', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const bytes = formatManifest(manifest(pod('large'), pod('small')));
  {
    await using file = await open(path, 'w');
    let at = 0;
    for (const [name, sizeBytes] of [
      ['large.tar', 10 * GiB],
      ['checkpointed.pods', bytes.length],
      ['small.tar', 0],
    ] as const) {
      const header = await encodeHeader({ name, sizeBytes, modifiedAt: MODIFIED_AT });
      await file.write(header, 0, header.length, at);
      at += header.length;
      if (name === 'checkpointed.pods') await file.write(bytes, 0, bytes.length, at);
      at += Math.ceil(sizeBytes / 512) * 512;
    }
    await file.truncate(at + 1024);
  }
  const { stdout, readBytes } = await spending(['show', path, '--json']);
  assert.deepEqual(
    JSON.parse(stdout).pods.map((pod: { archiveFound: boolean }) => pod.archiveFound),
    [true, true],
  );
  assert.ok(readBytes < MiB, `${readBytes}`);
});
