import assert from 'node:assert/strict';
import { mkdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Staging } from '../../../cli/landing/staging.ts';
import { Partial } from '../../../cli/partial.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

const DATA = Buffer.from('0123456789');

test('what the disk has lost of a piece that its journal knows is written again, also where nobody asked for it', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'partial');
  {
    await using partial = (await Partial.open(path))!;
    await (await partial.file('x')).write(DATA, 0);
  }
  await truncate(join(path, 'x')); // as a power cut may leave it

  await mkdir(join(folder, 'private'));
  await using partial = (await Partial.open(path))!;
  await using staging = await Staging.create(join(folder, 'private'));
  const data = (async function* () {
    yield DATA.subarray(0, 4);
    yield DATA.subarray(4);
  })();
  const member = { name: 'x', sizeBytes: DATA.length, modifiedAt: new Date('2026-11-22T13:20:00Z') };
  await staging.adopt(await partial.file('x'), member, data, 'checked elsewhere');
  await staging.settled();
  assert.deepEqual(await readFile(staging.paths.file('new', 'x')), DATA);
});
