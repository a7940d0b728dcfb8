import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EXIT_CODES } from '../../cli/exit-codes.ts';
import { podfreight } from '../e2e/podfreight.ts';
import { CanaryTree } from './canary.ts';
import { type ArchiveCase, matchesRefusal } from './case.ts';
import { assertSafe } from './safe.ts';
import { ALL } from './slice.ts';
import { END, manifestFile, podFile } from './tar-bytes.ts';
import { GROUPS } from './tars.ts';

/** One of each kind of message, through the command as it is typed. */
const SAMPLE = [
  '`../x.tar`',
  'a terminal escape in the name',
  'a right-to-left override',
  'a symbolic link, then a file of the same name through it',
  'a size of -1 in base-256',
  'a key of 1000 characters twice, with an escape sequence',
  'a wrong CRC-32',
  'version 2',
  'a window of 256 MiB',
  'a wrong CRC',
];

/** Refused by what the bytes are, whoever asks. */
const NEVER_SPAWNED = (one: ArchiveCase) => 'lands' in one.verdict || one.slow || one.ways.length < 4;

describe('podfreight insert', () => {
  let tree: CanaryTree;
  before(async () => {
    tree = await CanaryTree.plant(async (fresh) => {
      const good = await fresh.put('good', Buffer.concat([manifestFile('present'), podFile('present'), END]));
      assert.equal((await podfreight(['insert', '-t', fresh.target, '-i', good])).code, 0);
    });
  });
  after(() => tree.remove());

  const cases = GROUPS.flatMap((group) => group.cases).filter((one) => !NEVER_SPAWNED(one));
  const chosen = cases.filter(({ name }, i) => SAMPLE.includes(name) || (ALL && i % 5 === 0));

  test('the sample is there', () => {
    assert.deepEqual(
      SAMPLE.filter((name) => !chosen.some((one) => one.name === name)),
      [],
    );
  });

  for (const one of chosen) {
    test(`-i ${one.name}`, async () => {
      const { verdict } = one;
      assert.ok('message' in verdict);
      const path = await tree.put('archive', await one.bytes());
      const untouched = await tree.fingerprint();
      const { code, stdout, stderr, signal } = await podfreight(['insert', '-t', tree.target, '-i', path]);
      assert.deepEqual([code, signal, stdout], [EXIT_CODES[verdict.code], null, '']);
      const [line = '', ...more] = stderr.split('\n');
      assert.deepEqual(more, [''], 'one line');
      assert.ok(line.startsWith('podfreight: ') && matchesRefusal(line.slice(12), verdict, path), line);
      assertSafe(stderr);
      assert.equal(await tree.fingerprint(), untouched);
      assert.deepEqual(await tree.leftovers(), []);
    });
  }

  test('--json of a name with a terminal escape', async () => {
    const one = cases.find(({ name }) => name === 'a terminal escape in the name')!;
    const path = await tree.put('archive', await one.bytes());
    const { code, stdout, stderr } = await podfreight(['insert', '-t', tree.target, '-i', path, '--json']);
    assert.deepEqual([code, stdout], [5, '']);
    assertSafe(stderr);
    const { error } = JSON.parse(stderr);
    assert.deepEqual([error.code, error.member], ['invalid-archive', '\x1b]0;x\x07\x1b[2J.tar']);
  });

  test('-i with a file name that is hostile itself', async () => {
    const path = await tree.put('\x1b[2J\u202e.tar', Buffer.alloc(0));
    const { code, stderr } = await podfreight(['insert', '-t', tree.target, '-i', path]);
    assert.equal(code, 5);
    assertSafe(stderr);
    assert.match(stderr, /\\x1b\[2J\\u\{202e\}\.tar is refused: it is empty, so it is no checkpoint archive\.\n$/);
  });
});
