import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../../cli/commands/index.ts';
import { podfreight, start } from '../e2e/podfreight.ts';

const ROOT = join(import.meta.dirname, '../..');

test('every command has an end-to-end test', () => {
  for (const name of Object.keys(commands)) {
    assert.ok(existsSync(join(ROOT, `test/e2e/${name}.test.ts`)), `test/e2e/${name}.test.ts`);
  }
});

for (const flag of ['--version', '-V']) {
  test(`podfreight ${flag}`, async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    assert.deepEqual(await podfreight([flag]), { stdout: `${version}\n`, stderr: '', code: 0, signal: null });
  });
}

for (const args of [[], ['--help'], ['help']]) {
  test(`podfreight ${args.join(' ')}`, async () => {
    const { stdout, stderr, code } = await podfreight(args);
    assert.match(stdout, /^Usage: podfreight/);
    for (const [name, { hidden }] of Object.entries(commands)) {
      assert.equal(new RegExp(`^ {2}${name} `, 'm').test(stdout), !hidden, name);
    }
    assert.match(stdout, /"podfreight help TOPIC" one of\nsettings, environment, files, exit-codes\./);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    assert.deepEqual([stderr, code], ['', 0]);
  });
}

for (const args of [
  ['insert', '--help'],
  ['help', 'insert'],
]) {
  test(`podfreight ${args.join(' ')}`, async () => {
    const { stdout, stderr, code } = await podfreight(args);
    assert.match(
      stdout,
      /--on-conflict <action>.*\(choices:\s+"refuse",\s+"skip",\s+"replace",\s+default:\s+"refuse"\)/s,
    );
    assert.match(stdout, /Examples:\n {2}\$ podfreight insert/);
    assert.deepEqual([stderr, code], ['', 0]);
  });
}

const MISTAKES: readonly (readonly [string, string])[] = [
  ['shwo', 'unknown command: shwo (did you mean show?); see "podfreight --help".'],
  ['help nothing', 'there is no such command or topic; see "podfreight --help".'],
  ['--wrong', 'unknown flag: --wrong; see "podfreight --help".'],
  ['insert --dry-rum', 'unknown flag: --dry-rum (did you mean --dry-run?); see "podfreight insert --help".'],
  ['insert -i', 'option \'-i, --input <file>\' argument missing; see "podfreight insert --help".'],
  ['extract constructor', "too many arguments for 'extract'. Expected 0 arguments but got 1"],
  ['constructor', 'unknown command: constructor; see "podfreight --help".'],
];

for (const [line, message] of MISTAKES) {
  test(`podfreight ${line}`, async () => {
    const { stdout, stderr, code } = await podfreight(line.split(' '));
    assert.equal(stdout, '');
    assert.ok(stderr.startsWith(`podfreight: ${message}`), stderr);
    assert.equal(stderr.split('\n').length, 2, 'one line');
    assert.equal(code, 2);
  });
}

test('podfreight show /nowhere --json', async () => {
  const { stdout, stderr, code } = await podfreight(['show', '/nowhere', '--json']);
  assert.equal(stdout, '');
  assert.equal(code, 3);
  assert.deepEqual(JSON.parse(stderr), {
    error: {
      code: 'not-found',
      message: 'Cannot open /nowhere: no such file or directory.',
      path: '/nowhere',
      errno: 'ENOENT',
    },
  });
});

test("podfreight show $'/no\\e[31mwhere\\n'  # prevents a name from steering the terminal", async () => {
  const { stderr, code } = await podfreight(['show', '/no\x1b[31mwhere\n']);
  assert.equal(stderr, 'podfreight: Cannot open /no\\x1b[31mwhere\\n: no such file or directory.\n');
  assert.equal(code, 3);
});

test('podfreight --help | true', async () => {
  const { child, ended } = start(['--help']);
  child.stdout?.destroy();
  const { stderr, code } = await ended;
  assert.deepEqual([stderr, code], ['', 0]);
});
