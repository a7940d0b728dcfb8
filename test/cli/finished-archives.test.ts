import assert from 'node:assert/strict';
import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { finishedArchives } from '../../cli/finished-archives.ts';
import { isPodfreightError } from '../../core/errors.ts';
import { sampleContainer } from '../checkpoint-samples/container.ts';
import { crioArchive } from '../checkpoint-samples/cri-o.ts';
import { joined } from '../checkpoint-samples/pieces.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';
import { END, GOOD_START } from '../hostile/tar-bytes.ts';

const ARCHIVE = joined(crioArchive(sampleContainer({ pagesBytes: 8192 })));

test('whole archives are told from others, each file once', async (t) => {
  const folder = await temporaryFolder(t);
  const at = (name: string) => join(folder, name);
  await writeFile(at('whole.tar'), ARCHIVE);
  await link(at('whole.tar'), at('same.tar'));
  await writeFile(at('stale.tar'), Buffer.concat([ARCHIVE, Buffer.alloc(999, 7)]));
  await writeFile(at('cut.tar'), ARCHIVE.subarray(0, -1024));
  await writeFile(at('half.tar'), ARCHIVE.subarray(0, ARCHIVE.length - 512));
  await writeFile(at('empty.tar'), '');
  await writeFile(at('bundle.tar'), Buffer.concat([...GOOD_START, END]));
  await symlink(at('whole.tar'), at('linked.tar'));
  await mkdir(at('folder.tar'));
  const names = ['whole', 'same', 'whole', 'stale', 'cut', 'half', 'empty', 'bundle', 'linked', 'folder', 'gone'];
  const { archives, bundles, failures } = await finishedArchives(
    names.map((name) => at(`${name}.tar`)),
    {},
  );
  assert.deepEqual(
    archives.map(({ fileName, sizeBytes, container }) => [fileName, sizeBytes - container.endsAt]),
    [
      ['whole.tar', 0],
      ['stale.tar', 999],
    ],
  );
  assert.equal(archives[0]?.digest, archives[1]?.digest);
  assert.deepEqual(bundles, [at('bundle.tar')]);
  assert.deepEqual(
    failures.map(({ code, message }) => [code, /[a-z]+\.tar/.exec(message)?.[0]]),
    [
      ['not-found', 'linked.tar'],
      ['not-found', 'folder.tar'],
      ['not-found', 'gone.tar'],
      ['invalid-archive', 'cut.tar'],
      ['invalid-archive', 'half.tar'],
      ['invalid-archive', 'empty.tar'],
    ],
  );
});

test('a file that has changed when it is read at last is refused', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  await writeFile(path, ARCHIVE);
  const [found] = (await finishedArchives([path], {})).archives;
  await writeFile(path, ARCHIVE.subarray(0, 5000));
  const read = async () => {
    for await (const _ of found!.source.stream({ start: 0, end: 512 }));
  };
  await assert.rejects(read(), (error) => isPodfreightError(error, 'source-changed'));
});
