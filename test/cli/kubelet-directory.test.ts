import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KubeletDirectory } from '../../cli/kubelet-directory.ts';
import { formatManifest, type ManifestPod } from '../../core/manifest/manifest.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { manifest, pod } from './pods.ts';

async function directoryOf(t: TestContext, pods: readonly ManifestPod[], files: readonly string[]) {
  const directory = new KubeletDirectory(await temporaryFolder(t));
  await writeFile(directory.manifestPath, formatManifest(manifest(...pods)));
  for (const id of files) {
    await writeFile(directory.podPath(id), `bytes of ${id}`);
    await utimes(directory.podPath(id), 1_600_000_000.75, 1_600_000_000.75);
  }
  return directory;
}

test('a snapshot holds the pods of the manifest, their times in whole seconds', async (t) => {
  const directory = await directoryOf(t, [pod('b'), pod('a')], ['a', 'b', 'unlisted']);
  await using snapshot = await directory.snapshot();
  const read = [];
  for (const { sandboxId, sizeBytes, modifiedAt, read: bytes } of snapshot.pods) {
    read.push({ sandboxId, sizeBytes, modifiedAt, text: await textOf(bytes()) });
  }
  const modifiedAt = new Date(1_600_000_000_000);
  assert.deepEqual(read, [
    { sandboxId: 'b', sizeBytes: 10, modifiedAt, text: 'bytes of b' },
    { sandboxId: 'a', sizeBytes: 10, modifiedAt, text: 'bytes of a' },
  ]);
});

test('a snapshot keeps its bytes when a file is replaced after it', async (t) => {
  const directory = await directoryOf(t, [pod('a')], ['a']);
  await using snapshot = await directory.snapshot();
  await writeFile(directory.podPath('other'), 'other');
  await rename(directory.podPath('other'), directory.podPath('a'));
  assert.equal(await textOf(snapshot.pods[0]!.read()), 'bytes of a');
});

test('a manifest that changes while files are opened is read again', async (t) => {
  const directory = await directoryOf(t, [pod('a')], ['a', 'b']);
  let calls = 0;
  await using snapshot = await directory.snapshot((read) => {
    calls += 1;
    if (calls === 1) writeFileSync(directory.manifestPath, formatManifest(manifest(pod('b'))));
    return read;
  });
  assert.equal(calls, 2);
  assert.deepEqual(
    snapshot.pods.map(({ sandboxId }) => sandboxId),
    ['b'],
  );
});

test('names all files that are missing', async (t) => {
  const directory = await directoryOf(t, [pod('a'), pod('b'), pod('c')], ['b']);
  await assert.rejects(directory.snapshot(), {
    code: 'not-found',
    message: `${directory.manifestPath} names files that are not in ${directory.path}: a.tar, c.tar.`,
  });
});

test('prevents a link from leading out of the directory', async (t) => {
  const directory = await directoryOf(t, [pod('a')], []);
  await symlink('/etc/passwd', directory.podPath('a'));
  await assert.rejects(directory.snapshot(), { code: 'unsupported', message: /is a symbolic link/ });
  await rm(directory.manifestPath);
  await symlink('/etc/passwd', directory.manifestPath);
  await assert.rejects(directory.readManifest(), { code: 'unsupported', message: /is a symbolic link/ });
});

test('prevents a SandboxID from being a path', async (t) => {
  const directory = await directoryOf(t, [pod('../victim')], []);
  await assert.rejects(directory.snapshot(), { code: 'invalid-manifest' });
  assert.equal(await directory.hasPod('../victim'), false);
});

test('tells a missing directory from a missing and from a broken manifest', async (t) => {
  const path = await temporaryFolder(t);
  const missing = new KubeletDirectory(join(path, 'missing'));
  await assert.rejects(missing.readManifest(), {
    code: 'not-found',
    message: `Cannot open ${missing.path}: no such file or directory.`,
  });
  assert.equal(await missing.readManifestIfAny(), undefined);

  const empty = new KubeletDirectory(path);
  await assert.rejects(empty.readManifest(), {
    code: 'not-found',
    message: `Cannot open ${empty.manifestPath}: no such file or directory.`,
  });
  assert.equal(await empty.readManifestIfAny(), undefined);

  await writeFile(empty.manifestPath, '{"version": "0"}');
  await assert.rejects(empty.readManifest(), {
    code: 'invalid-manifest',
    message: `${empty.manifestPath} is not a valid manifest: version must be a 64-bit integer, not a string.`,
  });
  await assert.rejects(empty.readManifestIfAny(), { code: 'invalid-manifest' });

  await rm(empty.manifestPath);
  await mkdir(empty.manifestPath);
  await assert.rejects(empty.readManifestIfAny(), { code: 'unsupported', message: /is a directory\.$/ });
});

async function textOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('counts a pod once that the first checkpointctl listed again, but not two entries that differ', async (t) => {
  const repeated = await directoryOf(t, [pod('a'), pod('b'), pod('a')], ['a', 'b']);
  await using snapshot = await repeated.snapshot();
  assert.deepEqual(
    snapshot.pods.map(({ sandboxId }) => sandboxId),
    ['a', 'b'],
  );
  const different = await directoryOf(t, [pod('a'), { ...pod('a'), podIP: '192.0.2.1' }], ['a']);
  await assert.rejects(different.snapshot(), { code: 'invalid-manifest', message: /same SandboxID a as/ });
});
