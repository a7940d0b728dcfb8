import assert from 'node:assert/strict';
import {
  chmod,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeletDirectory } from '../../../cli/kubelet-directory.ts';
import { type LandRequest, land } from '../../../cli/landing/land.ts';
import { FileLock } from '../../../cli/landing/lock.ts';
import type { Archive } from '../../../core/archive/reader.ts';
import { PodfreightError } from '../../../core/errors.ts';
import { formatManifest, type ManifestPod } from '../../../core/manifest/manifest.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';
import { manifest, pod } from '../pods.ts';
import { type FakePod, fakeArchive, MEMBER_TIME, sha256 } from './fake-archive.ts';

const A: FakePod = { entry: pod('a'), text: 'bytes of a' };
const B: FakePod = { entry: pod('b'), text: 'bytes of b' };
/** As long as the bytes of A: only a digest tells. */
const OTHER_BYTES: FakePod = { entry: A.entry, text: 'BYTES OF A' };
const LONGER: FakePod = { entry: A.entry, text: 'longer bytes of a' };
const OTHER_ENTRY: FakePod = { entry: pod('a', { configSeen: 'later' }), text: 'other bytes of a' };

async function targetWith(t: TestContext, pods: readonly FakePod[], unlisted: readonly FakePod[] = []) {
  const target = join(await temporaryFolder(t), 'target');
  const directory = new KubeletDirectory(target);
  await mkdir(target, { mode: 0o700 });
  if (pods.length > 0) await writeFile(directory.manifestPath, formatManifest(manifest(...pods.map((p) => p.entry))));
  for (const { entry, text } of [...pods, ...unlisted]) await writeFile(directory.podPath(entry.sandboxId), text);
  return target;
}

function insert(target: string, pods: readonly FakePod[], options: Partial<LandRequest> = {}) {
  const signal = new AbortController().signal;
  return land({ archive: fakeArchive(pods), target, onConflict: 'refuse', signal, ...options });
}

/** Files of the target by name, and the entries of its manifest; fails when anything is left of a staging. */
async function contents(target: string) {
  const files: Record<string, string> = {};
  for (const name of await readdir(target)) {
    if (name === '.podfreight') {
      const left = (await readdir(join(target, name))).filter((entry) => !entry.startsWith('lock'));
      assert.deepEqual(left, [], 'nothing stays in the private folder');
    } else if (name !== 'checkpointed.pods') {
      files[name] = await readFile(join(target, name), 'utf8');
    }
  }
  const read = await new KubeletDirectory(target).readManifestIfAny();
  return { files, entries: read?.pods ?? [] };
}

async function assertHas(target: string, pods: readonly FakePod[], unlisted: readonly FakePod[] = []) {
  assert.deepEqual(await contents(target), {
    files: Object.fromEntries([...pods, ...unlisted].map(({ entry, text }) => [`${entry.sandboxId}.tar`, text])),
    entries: pods.map(({ entry }): ManifestPod => entry),
  });
}

function outcomes({ pods }: Awaited<ReturnType<typeof land>>): string {
  return pods.map(({ sandboxId, outcome }) => `${sandboxId} ${outcome}`).join(', ');
}

test('creates a missing target, with private files that have the times of the members', async (t) => {
  const target = join(await temporaryFolder(t), 'not/there');
  const landing = await insert(target, [A, B]);
  assert.deepEqual(landing.pods[0], {
    sandboxId: 'a',
    namespace: 'default',
    name: 'pod-a',
    outcome: 'inserted',
    sizeBytes: A.text.length,
    sha256: sha256(A.text),
  });
  await assertHas(target, [A, B]);
  for (const [path, mode] of [
    ['..', 0o700],
    ['.', 0o700],
    ['a.tar', 0o600],
    ['checkpointed.pods', 0o600],
    ['.podfreight', 0o700],
  ] as const) {
    assert.equal((await stat(join(target, path))).mode & 0o777, mode, path);
  }
  const file = await stat(join(target, 'a.tar'));
  assert.deepEqual([file.mtime, file.nlink], [MEMBER_TIME, 1]);
});

test('adds to what is there, and keeps what it does not know', async (t) => {
  const target = await targetWith(t, [A]);
  await writeFile(join(target, 'checkpointed.pods'), '{"version": 4, "CheckpointedPods": null, "new": [1.0]}');
  await insert(target, [B]);
  const text = await readFile(join(target, 'checkpointed.pods'), 'utf8');
  assert.match(text, /^\{\n {2}"version": 4,\n {2}"CheckpointedPods": \[\n[\s\S]*"new": \[\n {4}1\.0\n {2}\]\n\}$/);
});

test('the same again changes nothing', async (t) => {
  const target = await targetWith(t, [A, B]);
  const before = await stat(join(target, 'checkpointed.pods'));
  assert.equal(outcomes(await insert(target, [B, A])), 'b unchanged, a unchanged');
  const after = await stat(join(target, 'checkpointed.pods'));
  assert.deepEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs]);
  await assertHas(target, [A, B]);
});

test('digests in an index spare reading what is there already', async (t) => {
  const target = await targetWith(t, [A]);
  const archive = fakeArchive([A], { before: () => assert.fail('was read') });
  const member = { name: 'a.tar', sizeBytes: A.text.length, sha256: sha256(A.text) };
  const indexed = { ...archive, index: { members: [member] } } as unknown as typeof archive;
  assert.equal(outcomes(await insert(target, [], { archive: indexed })), 'a unchanged');
});

for (const [what, arriving] of [
  ['other bytes', OTHER_BYTES],
  ['more bytes', LONGER],
  ['another entry and other bytes', OTHER_ENTRY],
  ['another entry', { ...OTHER_ENTRY, text: A.text }],
] as const) {
  test(`${what} under the same SandboxID: refused, with everything else`, async (t) => {
    const target = await targetWith(t, [A]);
    await assert.rejects(insert(target, [B, arriving]), { code: 'conflict', message: /default\/pod-a \(a\)/ });
    await assertHas(target, [A]);
  });

  test(`${what} under the same SandboxID: skipped`, async (t) => {
    const target = await targetWith(t, [A]);
    const landing = await insert(target, [B, arriving], { onConflict: 'skip' });
    assert.equal(outcomes(landing), 'b inserted, a skipped');
    await assertHas(target, [A, B]);
  });

  test(`${what} under the same SandboxID: replaced`, async (t) => {
    const target = await targetWith(t, [A]);
    const landing = await insert(target, [B, arriving], { onConflict: 'replace' });
    assert.equal(outcomes(landing), 'b inserted, a replaced');
    await assertHas(target, [arriving, B]);
  });
}

test('a collision that shows in advance is refused before anything is read or written', async (t) => {
  const target = await targetWith(t, [A]);
  const archive = fakeArchive([LONGER], { layout: true, before: () => assert.fail('was read') });
  await assert.rejects(insert(target, [], { archive }), { code: 'conflict' });
  assert.deepEqual((await readdir(target)).sort(), ['a.tar', 'checkpointed.pods']);
});

test('a file that no manifest names is adopted when it is the same', async (t) => {
  const target = await targetWith(t, [], [A]);
  await chmod(join(target, 'a.tar'), 0o644);
  assert.equal(outcomes(await insert(target, [A])), 'a inserted');
  await assertHas(target, [A]);
  assert.equal((await stat(join(target, 'a.tar'))).mode & 0o777, 0o600);
});

test('a file that no manifest names is in the way when it is another', async (t) => {
  const target = await targetWith(t, [], [A]);
  await assert.rejects(insert(target, [OTHER_BYTES]), { code: 'conflict' });
  await assertHas(target, [], [A]);
  assert.equal(outcomes(await insert(target, [OTHER_BYTES], { onConflict: 'skip' })), 'a skipped');
  await assertHas(target, [], [A]);
  assert.equal(outcomes(await insert(target, [OTHER_BYTES], { onConflict: 'replace' })), 'a replaced');
  await assertHas(target, [OTHER_BYTES]);
});

test('an entry whose file is gone gets it back', async (t) => {
  const target = await targetWith(t, [B]);
  await writeFile(join(target, 'checkpointed.pods'), formatManifest(manifest(A.entry, B.entry)));
  assert.equal(outcomes(await insert(target, [A])), 'a inserted');
  await assertHas(target, [A, B]);
});

test('what is not a regular file is never replaced', async (t) => {
  for (const make of [(path: string) => mkdir(path), (path: string) => symlink('/etc/passwd', path)]) {
    const target = await targetWith(t, [B]);
    await make(join(target, 'a.tar'));
    await assert.rejects(insert(target, [A], { onConflict: 'replace' }), {
      code: 'conflict',
      message: `${target}/a.tar is not a regular file; remove it first.`,
    });
  }
});

test('chosen pods only', async (t) => {
  const target = await targetWith(t, []);
  assert.equal(outcomes(await insert(target, [A, B], { selectors: ['default/pod-b'] })), 'b inserted');
  await assertHas(target, [B]);
  await assert.rejects(insert(target, [A, B], { selectors: ['default/nobody'] }), { code: 'not-found' });
});

test('a dry run writes nothing, not even the target, and finds what would fail', async (t) => {
  const missing = join(await temporaryFolder(t), 'missing');
  assert.equal(outcomes(await insert(missing, [A], { dryRun: true })), 'a inserted');
  await assert.rejects(stat(missing), { code: 'ENOENT' });

  const target = await targetWith(t, [A]);
  await assert.rejects(insert(target, [OTHER_BYTES], { dryRun: true }), { code: 'conflict' });
  assert.equal(outcomes(await insert(target, [OTHER_BYTES], { dryRun: true, onConflict: 'replace' })), 'a replaced');
  assert.deepEqual((await readdir(target)).sort(), ['a.tar', 'checkpointed.pods']);
});

test('an archive that turns out damaged at its end leaves the target as it was', async (t) => {
  const target = await targetWith(t, [A]);
  const damaged = new PodfreightError('invalid-archive', 'Cut.');
  const archive = fakeArchive([B, { entry: pod('c'), text: 'c' }], {
    before: (id) => id === 'c' && Promise.reject(damaged),
  });
  await assert.rejects(insert(target, [], { archive }), damaged);
  await assertHas(target, [A]);
});

test('stopped while it reads, it reads no more, and the target is as it was', async (t) => {
  const target = await targetWith(t, [A]);
  const controller = new AbortController();
  const stop = new PodfreightError('interrupted', 'Stopped.');
  const archive = fakeArchive([B, { entry: pod('c'), text: 'c' }], {
    before: (id) => id === 'c' && assert.fail('reads on'),
  });
  const onBytes = () => controller.abort(stop);
  await assert.rejects(insert(target, [], { archive, signal: controller.signal, onBytes }), stop);
  await assertHas(target, [A]);
});

test('too little space is noticed before anything is read, or where sizes are not known, before a pod is written', async (t) => {
  const target = await targetWith(t, [A]);
  const [b] = (await fakeArchive([B], { layout: true }).layout())!;
  const { blocks, bsize } = await statfs(target);
  const huge = { ...b!, sizeBytes: blocks * bsize }; // as large as the file system, in which something lies
  const foreseen: Archive = {
    ...fakeArchive([B], { before: () => assert.fail('was read') }),
    layout: async () => [huge],
  };
  const unforeseen: Archive = {
    ...fakeArchive([B]),
    async *members() {
      yield { member: huge, data: { [Symbol.asyncIterator]: () => assert.fail('was read') } };
    },
  };
  for (const archive of [foreseen, unforeseen]) {
    await assert.rejects(insert(target, [], { archive }), {
      code: 'no-space',
      message: /^The checkpoints need .*, and the file system of .* has .* left\.$/,
    });
    await assertHas(target, [A]);
  }
});

test('the space of a large pod is reserved before its bytes are read', async (t) => {
  const target = await targetWith(t, [A]);
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'fallocate'), '#!/bin/sh\necho "No space left on device" >&2\nexit 1\n', {
    mode: 0o755,
  });
  const path = process.env.PATH;
  process.env.PATH = folder;
  t.after(() => (process.env.PATH = path));
  const [b] = (await fakeArchive([B], { layout: true }).layout())!;
  const archive: Archive = {
    ...fakeArchive([B]),
    async *members() {
      const data = { [Symbol.asyncIterator]: () => assert.fail('was read') };
      yield { member: { ...b!, sizeBytes: 80 * 1024 * 1024 }, data };
    },
  };
  await assert.rejects(insert(target, [], { archive }), { code: 'no-space', message: /80\.0 MiB left for it/ });
  await assertHas(target, [A]);
});

test('a manifest that cannot be read is left alone, with a sentence', async (t) => {
  const target = await targetWith(t, [A]);
  await writeFile(join(target, 'checkpointed.pods'), '{');
  await assert.rejects(insert(target, [B]), { code: 'invalid-manifest', message: /checkpointed\.pods is not a valid/ });
  assert.equal(await readFile(join(target, 'checkpointed.pods'), 'utf8'), '{');
});

test('waits for another insert, and then lands beside it', async (t) => {
  const target = await targetWith(t, [A]);
  await insert(target, [A]); // makes the private folder
  const other = await FileLock.take(join(target, '.podfreight/lock'), { waitMs: 0 });
  const waiting = insert(target, [B]);
  await writeFile(join(target, 'c.tar'), 'c');
  await writeFile(join(target, 'beside'), formatManifest(manifest(A.entry, pod('c'))));
  await rename(join(target, 'beside'), join(target, 'checkpointed.pods'));
  other[Symbol.dispose]();
  await waiting;
  await assertHas(target, [A, { entry: pod('c'), text: 'c' }, B]);
});

test('many at once in one process: none is lost', async (t) => {
  const target = await targetWith(t, []);
  const pods = Array.from({ length: 8 }, (_, i) => ({ entry: pod(`p${i}`), text: `bytes ${i}` }));
  await Promise.all(pods.map((one) => insert(target, [A, one])));
  const { files, entries } = await contents(target);
  assert.deepEqual(entries.map(({ sandboxId }) => sandboxId).sort(), [
    'a',
    ...pods.map(({ entry }) => entry.sandboxId),
  ]);
  assert.equal(Object.keys(files).length, 9);
});

test('prevents a private folder that others can write in', async (t) => {
  const target = await targetWith(t, [A]);
  await mkdir(join(target, '.podfreight'));
  await chmod(join(target, '.podfreight'), 0o770);
  await assert.rejects(insert(target, [B]), {
    code: 'conflict',
    message: /must be a directory of the user who inserts/,
  });
  await assertHas(target, [A]);
});

test('an interrupted insert that is still alive is not touched', async (t) => {
  const target = await targetWith(t, [A]);
  await insert(target, [A]);
  const staging = join(target, '.podfreight/staging-0123456789abcdef');
  await mkdir(staging);
  using _ = await FileLock.take(join(staging, 'lock'), { waitMs: 0 });
  await insert(target, [B]);
  assert.ok((await stat(staging)).isDirectory());
});

test('what a dead insert left is rolled back, but never what the manifest names', async (t) => {
  const target = await targetWith(t, [A]);
  await insert(target, [A]);
  const staging = join(target, '.podfreight/staging-0123456789abcdef');
  for (const folder of ['new', 'old', 'swap']) await mkdir(join(staging, folder), { recursive: true });
  for (const id of ['a', 'c', 'd']) {
    await writeFile(join(staging, `new/${id}.tar`), id);
    await utimes(join(staging, `new/${id}.tar`), 1, 1);
  }
  await link(join(staging, 'new/c.tar'), join(target, 'c.tar')); // linked, then died
  await rm(join(target, 'a.tar'));
  await writeFile(join(staging, 'new/a.tar'), A.text);
  await link(join(staging, 'new/a.tar'), join(target, 'a.tar')); // linked where the manifest names it
  await writeFile(join(target, 'd.tar'), 'd'); // another file of the same name and bytes
  await writeFile(join(staging, 'after'), '');
  await mkdir(join(target, '.podfreight/done-fedcba9876543210/new'), { recursive: true });
  await insert(target, [B]);
  await assertHas(target, [A, B], [{ entry: pod('d'), text: 'd' }]);
});

test('a checkpoint whose sync fails behind the reading does not land', async (t) => {
  const target = await targetWith(t, [A]);
  await using handle = await open(join(target, 'a.tar'));
  const methods = Object.getPrototypeOf(handle);
  const fail = async () => {
    await sleep(50); // everything else would be over
    throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
  };
  const data = fakeArchive([B], { layout: true });
  const archive: Archive = {
    ...data,
    async *members() {
      t.mock.method(methods, 'sync', fail, { times: 1 });
      yield* data.members();
    },
  };
  await assert.rejects(insert(target, [], { archive }), { code: 'io', message: /^Cannot write .*b\.tar: input/ });
  await assertHas(target, [A]);
});
