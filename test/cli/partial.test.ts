import assert from 'node:assert/strict';
import { appendFile, chmod, link, mkdir, open, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Partial, removeDead } from '../../cli/partial.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';

const PIECE = { start: 3, end: 8 };

/** One piece of a file `x`, written by somebody who is gone. */
async function begun(t: TestContext): Promise<string> {
  const path = join(await temporaryFolder(t), 'partial');
  await using partial = (await Partial.open(path))!;
  await (await partial.file('x')).write(Buffer.from('piece'), PIECE.start);
  return path;
}

async function kept(path: string): Promise<string | undefined> {
  await using partial = (await Partial.open(path))!;
  if (!partial.has('x', PIECE)) return undefined;
  return (await partial.read('x', PIECE))?.toString();
}

test('what was written is there for whoever comes next', async (t) => {
  const path = await begun(t);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  for (const name of await readdir(path)) assert.equal((await stat(join(path, name))).mode & 0o777, 0o600, name);
  await using partial = (await Partial.open(path))!;
  assert.ok(partial.has('x', PIECE));
  for (const other of [
    { start: 0, end: 5 },
    { start: 7, end: 9 },
    { start: 5, end: 5 },
  ])
    assert.ok(!partial.has('x', other));
  assert.ok(!partial.has('y', PIECE));
  assert.equal(`${await partial.read('x', PIECE)}`, 'piece');
});

test('pieces count by what they have, however it is asked for', async (t) => {
  const path = await begun(t);
  {
    await using partial = (await Partial.open(path))!;
    await (await partial.file('x')).write(Buffer.from('s of cake'), PIECE.end);
  }
  await using partial = (await Partial.open(path))!;
  assert.equal(`${await partial.read('x', { start: 4, end: 6 })}`, 'ie');
  assert.equal(`${await partial.read('x', { start: 6, end: 14 })}`, 'ces of c');
  assert.equal(`${await partial.read('x', { start: 3, end: 17 })}`, 'pieces of cake');
  assert.equal(await partial.read('x', { start: 3, end: 18 }), undefined);
  const bytes = Buffer.from('0123456789');
  assert.deepEqual(await (await partial.file('x')).fill({ start: 0, end: 10 }, bytes), [{ start: 0, end: 3 }]);
  assert.equal(`${bytes}`, '012pieces ');
});

test('a part of a damaged piece is no better than the whole', async (t) => {
  const path = await begun(t);
  {
    await using file = await open(join(path, 'x'), 'r+');
    await file.write('P', PIECE.start);
  }
  await using partial = (await Partial.open(path))!;
  assert.equal(await partial.read('x', { start: 5, end: 7 }), undefined);
  assert.ok(!partial.has('x', { start: 7, end: 8 }));
});

test('what the journal alone says is not proven; what was written or read by this process is', async (t) => {
  await using partial = (await Partial.open(await begun(t)))!;
  const file = await partial.file('x');
  await file.write(Buffer.from('s'), PIECE.end);
  const all = { ...PIECE, end: PIECE.end + 1 };
  assert.ok(partial.has('x', all));
  assert.deepEqual([file.isProven(all), file.isProven({ start: PIECE.end, end: PIECE.end + 1 })], [false, true]);
  await file.read({ start: 4, end: 5 });
  assert.ok(file.isProven(all));
});

test('only one process has it at a time', async (t) => {
  const path = await begun(t);
  const first = await Partial.open(path);
  assert.equal(await Partial.open(path), undefined);
  await removeDead(path);
  assert.ok((await readdir(path)).includes('x'), 'removeDead leaves it to who has it');
  await first![Symbol.asyncDispose]();
  assert.equal(await kept(path), 'piece');
});

test('a piece whose bytes are not what they were is forgotten, and can be written again', async (t) => {
  const path = await begun(t);
  {
    await using file = await open(join(path, 'x'), 'r+');
    await file.write('P', PIECE.start);
  }
  await using partial = (await Partial.open(path))!;
  assert.equal(await partial.read('x', PIECE), undefined);
  assert.ok(!partial.has('x', PIECE));
  await (await partial.file('x')).write(Buffer.from('again'), PIECE.start);
  assert.equal(`${await partial.read('x', PIECE)}`, 'again');
});

test('a piece of which the disk lost the end is forgotten', async (t) => {
  const path = await begun(t);
  {
    await using file = await open(join(path, 'x'), 'r+');
    await file.truncate(PIECE.end - 1);
  }
  assert.equal(await kept(path), undefined);
});

for (const [what, line] of [
  ['is cut off', 'x 8 12 12345'],
  ['is no line', '\0\0\0\0\0\0\0\0'],
  ['is of another kind', 'x 8 twelve 12345678\n'],
] as const) {
  test(`a line of the journal that ${what} does not count, and does not spoil the next`, async (t) => {
    const path = await begun(t);
    await appendFile(join(path, 'journal'), line);
    {
      await using partial = (await Partial.open(path))!;
      assert.ok(partial.has('x', PIECE));
      assert.ok(!partial.has('x', { start: 8, end: 12 }));
      await (await partial.file('x')).write(Buffer.from('more'), 8);
    }
    await using partial = (await Partial.open(path))!;
    assert.equal(`${await partial.read('x', { start: 8, end: 12 })}`, 'more');
  });
}

test('a file that has another name elsewhere is never written to: nothing of it is kept', async (t) => {
  const path = await begun(t);
  const elsewhere = join(path, '../elsewhere');
  await link(join(path, 'x'), elsewhere);
  assert.equal(await kept(path), undefined);
  await using partial = (await Partial.open(path))!;
  await (await partial.file('x')).write(Buffer.from('other'), PIECE.start);
  assert.equal(await readFile(elsewhere, 'utf8'), '\0\0\0piece');
});

test('a folder that others could write in is neither used nor removed', async (t) => {
  const folder = await temporaryFolder(t);
  const open = join(folder, 'open');
  await mkdir(open);
  await chmod(open, 0o777);
  const aside = join(folder, 'aside');
  await mkdir(aside, { mode: 0o700 });
  await writeFile(join(aside, 'journal'), 'not ours');
  const linked = join(folder, 'linked');
  await symlink(aside, linked);
  for (const path of [open, linked]) {
    assert.equal(await Partial.open(path), undefined);
    await removeDead(path);
  }
  assert.deepEqual(await readdir(open), []);
  assert.equal(await readFile(join(aside, 'journal'), 'utf8'), 'not ours');
  assert.deepEqual(await readdir(aside), ['journal']);
});

test('a link in the place of a file is not followed', async (t) => {
  const path = await begun(t);
  const victim = join(path, '../victim');
  await writeFile(victim, 'untouched');
  await symlink(victim, join(path, 'y'));
  await using partial = (await Partial.open(path))!;
  await assert.rejects(partial.file('y'), { code: 'unsupported' });
  assert.equal(await readFile(victim, 'utf8'), 'untouched');
});

test('removed, nothing of it is left', async (t) => {
  const path = await begun(t);
  await using partial = (await Partial.open(path))!;
  await partial.remove();
  await assert.rejects(stat(path), { code: 'ENOENT' });
});
