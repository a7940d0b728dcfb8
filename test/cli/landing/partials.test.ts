import assert from 'node:assert/strict';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeSpace, openPartial } from '../../../cli/landing/partials.ts';
import { PrivateFolder } from '../../../cli/landing/private-folder.ts';
import { Partial } from '../../../cli/partial.ts';
import type { Archive } from '../../../core/archive/reader.ts';
import { PodfreightError } from '../../../core/errors.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';
import { pod } from '../pods.ts';
import { fakeArchive } from './fake-archive.ts';

const { signal } = new AbortController();
const DAY_MS = 24 * 60 * 60 * 1000;

function archiveOf(identity: string | undefined, { verified = true } = {}): Archive {
  return { ...fakeArchive([{ entry: pod('a'), text: 'a' }], { verified }), identity };
}

async function privateFolder(t: TestContext): Promise<PrivateFolder> {
  return PrivateFolder.open(await temporaryFolder(t));
}

const partials = async ({ path }: PrivateFolder) => (await readdir(path)).filter((name) => name.startsWith('partial-'));

/** What a pull left, last used `ageMs` ago. */
async function left(folder: PrivateFolder, i: number, ageMs: number): Promise<string> {
  const name = `partial-${String(i).padStart(16, '0')}`;
  const path = join(folder.path, name);
  await mkdir(path, { mode: 0o700 });
  await writeFile(join(path, 'journal'), '');
  const at = new Date(Date.now() - ageMs);
  await utimes(join(path, 'journal'), at, at);
  return name;
}

test('the same pods of the same object are gone on with, and nothing else', async (t) => {
  const folder = await privateFolder(t);
  const names = new Set<string>();
  const nameOf = async (archive: Archive, pods: string[]) => {
    const before = new Set(await partials(folder));
    await using partial = await openPartial(folder, { archive, names: pods, signal });
    assert.ok(partial);
    await partial.file('a.tar');
    const [name = 'known'] = (await partials(folder)).filter((one) => !before.has(one));
    await partial.remove();
    names.add(name);
    return name;
  };
  const first = await nameOf(archiveOf('object, etag 1'), ['a.tar', 'b.tar']);
  assert.equal(await nameOf(archiveOf('object, etag 1'), ['b.tar', 'a.tar']), first);
  await nameOf(archiveOf('object, etag 2'), ['a.tar', 'b.tar']);
  await nameOf(archiveOf('object, etag 1'), ['a.tar']);
  const index = { members: [{ name: 'a.tar', sha256: '1' }] } as unknown as NonNullable<Archive['index']>;
  await nameOf({ ...archiveOf('object, etag 1'), index }, ['a.tar', 'b.tar']);
  assert.equal(names.size, 4);
});

test('an archive that may be another tomorrow, or has no digests, leaves nothing', async (t) => {
  const folder = await privateFolder(t);
  for (const archive of [archiveOf(undefined), archiveOf('object', { verified: false })]) {
    assert.equal(await openPartial(folder, { archive, names: ['a.tar'], signal }), undefined);
  }
  assert.deepEqual(await partials(folder), []);
});

test('what is old, or too much, is removed, unless somebody goes on with it', async (t) => {
  const folder = await privateFolder(t);
  const sweep = () => openPartial(folder, { archive: archiveOf(undefined), names: [], signal });
  const old = await left(folder, 1, 8 * DAY_MS);
  const recent = await left(folder, 2, 6 * DAY_MS);
  {
    await using _ = await Partial.open(join(folder.path, old));
    await sweep();
    assert.deepEqual((await partials(folder)).sort(), [old, recent]);
  }
  await sweep();
  assert.deepEqual(await partials(folder), [recent]);

  const newer = await Promise.all([3, 4, 5].map((i) => left(folder, i, i * DAY_MS)));
  await sweep();
  assert.deepEqual((await partials(folder)).sort(), newer);
});

test('what others have left makes room where there is too little', async (t) => {
  const folder = await privateFolder(t);
  await left(folder, 1, 0);
  const short = new PodfreightError('no-space', 'too little');
  let asked = 0;
  const full = Object.assign(Object.create(folder) as PrivateFolder, {
    path: folder.path,
    lock: () => folder.lock(),
    async checkSpace() {
      asked += 1;
      if ((await partials(folder)).length > 0) throw short;
    },
  });
  await makeSpace(full, 10, signal);
  assert.deepEqual([asked, await partials(folder)], [2, []]);

  const fuller = Object.assign(full, { checkSpace: () => Promise.reject(short) });
  await assert.rejects(makeSpace(fuller, 10, signal), (error) => error === short);
});
