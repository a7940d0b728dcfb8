import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../../cli/commands/index.ts';
import { EXIT_CODES } from '../../cli/exit-codes.ts';
import { SETTINGS } from '../../cli/settings.ts';
import { podfreight, temporaryFolder } from './podfreight.ts';

const noMan = spawnSync('man', ['--version']).status === 0 ? false : 'man is not installed';

test('podfreight manual', async () => {
  const { stdout, stderr, code } = await podfreight(['manual']);
  assert.deepEqual([stderr, code], ['', 0]);
  assert.match(stdout, /^\.\\".*\n\.TH PODFREIGHT 1 "" "podfreight \S+" "User Commands"\n\.SH "NAME"\n/);
  const text = stdout.replaceAll('\\-', '-');
  for (const [name, { hidden }] of Object.entries(commands)) {
    assert.equal(text.includes(`\n.SS "podfreight ${name} `), !hidden, name);
  }
  for (const { flag, variable } of Object.values(SETTINGS)) {
    assert.ok(text.includes(flag) && text.includes(`.B "${variable}"`), flag);
  }
  for (const [code, number] of Object.entries(EXIT_CODES)) assert.ok(text.includes(`.B "${number} ${code}"`), code);
  assert.ok(text.includes('.B "-t, --target <directory>"'));
  assert.equal((await podfreight(['manual'])).stdout, stdout, 'the same again');
});

test('podfreight manual | man -l -', { skip: noMan }, async (test) => {
  const page = join(await temporaryFolder(test), 'podfreight.1');
  writeFileSync(page, (await podfreight(['manual'])).stdout);
  const options = { encoding: 'utf8', env: { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' } } as const;
  const { stdout, stderr, status } = spawnSync('man', ['--warnings', '-l', page], options);
  assert.deepEqual([stderr, status], ['', 0]);
  assert.match(stdout, /^COMMANDS$/m);
  assert.match(stdout, /^ {7}--on-conflict <action>$/m);
  assert.match(stdout, /^ {9}\$ podfreight insert -i node-a\.tar\.zst/m);
});

for (const topic of ['settings', 'environment', 'files', 'exit-codes']) {
  test(`podfreight help ${topic}`, async () => {
    const { stdout, stderr, code } = await podfreight(['help', topic]);
    assert.deepEqual([stderr, code], ['', 0]);
    assert.match(stdout, /^[A-Z][a-z ]+\n\n/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  });
}
