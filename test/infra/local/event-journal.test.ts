import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EventJournal } from '../../../infra/local/event-journal.ts';

const dir = mkdtempSync(join(tmpdir(), 'podfreight-journal-'));
after(() => rmSync(dir, { recursive: true, force: true }));

test('what was added and not removed is there after the next start, in order', () => {
  const path = join(dir, 'order.sqlite');
  const first = new EventJournal(path);
  for (const id of ['b', 'a', 'c']) first.add(id, 'queue', `body ${id}`);
  first.remove(['a', 'never added']);
  first.close();

  const second = new EventJournal(path);
  assert.deepEqual(second.pending(), [
    { id: 'b', queueArn: 'queue', body: 'body b' },
    { id: 'c', queueArn: 'queue', body: 'body c' },
  ]);
  second.close();
});

test('a journal belongs to one process at a time', () => {
  const path = join(dir, 'shared.sqlite');
  const journal = new EventJournal(path);
  const open = `import { EventJournal } from '${new URL('../../../infra/local/event-journal.ts', import.meta.url)}';
    try { new EventJournal(process.argv[1]).close(); } catch (error) { console.log(error.code, error.message); }`;
  const openInAnother = () =>
    spawnSync(process.execPath, ['--input-type=module', '-e', open, path], { encoding: 'utf8' }).stdout;

  assert.equal(openInAnother(), `busy Another embedded stack is using ${dir}; stop it or take another folder.\n`);
  journal.close();
  assert.equal(openInAnother(), '');
});
