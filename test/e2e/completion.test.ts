import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Cloud } from './cloud.ts';
import { pushBothNodes } from './nodes.ts';
import { LAUNCHER, podfreight, startProgram, temporaryFolder } from './podfreight.ts';

/** Asks bash's function as readline would: the words as bash cuts them, and the cursor at the end of the last. */
const ASK = {
  bash: `eval "$(podfreight completion bash)"
compopt() { printf ':%s\\n' "$*"; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _podfreight; printf '%s\\n' "\${COMPREPLY[@]}"`,
  fish: `podfreight completion fish | source
complete -C (string join -- ' ' $argv)`,
};

function missing(shell: string): string | false {
  return spawnSync(shell, ['-c', 'true']).status === 0 ? false : `${shell} is not installed`;
}

/** A folder for \`$PATH\` in which \`podfreight\` is the program under test. */
async function programFolder(test: TestContext): Promise<string> {
  const folder = join(await temporaryFolder(test), 'bin');
  await mkdir(folder);
  const program = join(folder, 'podfreight');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${LAUNCHER}' "$@"\n`);
  await chmod(program, 0o755);
  return folder;
}

describe('podfreight completion', () => {
  const cloud = new Cloud(pushBothNodes);

  async function ask(test: TestContext, shell: keyof typeof ASK, ...words: string[]): Promise<string[]> {
    const env = {
      ...cloud.stack.environment,
      PATH: `${await programFolder(test)}:${process.env.PATH}`,
      HOME: await temporaryFolder(test),
    };
    const script = [
      ...(shell === 'bash' ? ['--norc', '-c', ASK[shell], 'bash'] : ['--no-config', '-c', ASK[shell]]),
      'podfreight',
      ...words,
    ];
    // A busy machine may take longer than the tab key waits.
    for (let attempt = 1; ; attempt += 1) {
      const { stdout, stderr, code } = await startProgram(shell, script, { env }).ended;
      assert.deepEqual([stderr, code], ['', 0]);
      const lines = stdout.split('\n').filter(Boolean);
      if (lines.length > 0 || attempt === 15) return lines;
    }
  }

  test('eval "$(podfreight completion bash)"', { skip: missing('bash') }, async (test) => {
    assert.deepEqual(await ask(test, 'bash', 'ins'), ['insert']);
    assert.deepEqual(await ask(test, 'bash', 'insert', '--on-conflict', '=', 're'), ['refuse', 'replace']);
    assert.deepEqual(await ask(test, 'bash', 'insert', '-i', ''), [':-o default']);
    assert.deepEqual(await ask(test, 'bash', 'doctor', '--target', '/v'), [':-o dirnames']);
    assert.deepEqual(await ask(test, 'bash', 'help', 'exit'), ['exit-codes']);
  });

  test('pods, nodes and more of the catalogue in bash', { skip: missing('bash') }, async (test) => {
    assert.deepEqual((await ask(test, 'bash', 'pull', '--pod', '')).toSorted(), [
      'default/counters',
      'default/my-redis',
      'edge/web',
    ]);
    assert.deepEqual(await ask(test, 'bash', 'bundle', '--pod', '=', 'e'), ['edge/web']);
    assert.deepEqual((await ask(test, 'bash', 'list', '--node', '')).toSorted(), ['node-a', 'node-b']);
    assert.deepEqual(await ask(test, 'bash', 'list', '--namespace', 'ed'), ['edge']);
  });

  test('bundles in bash', { skip: missing('bash') }, async (test) => {
    const { stdout } = await cloud.run(['bundle', '--pod', 'edge/web', '--quiet']);
    assert.deepEqual(await ask(test, 'bash', 'pull', ''), [stdout.trim()]);
  });

  test('podfreight completion fish | source', { skip: missing('fish') }, async (test) => {
    assert.deepEqual(await ask(test, 'fish', 'ins'), ["insert\tput an archive's checkpoints into a kubelet directory"]);
    const pods = await ask(test, 'fish', 'pull', '--pod', 'edge');
    assert.match(pods.join('\n'), /^edge\/web\t\d{4}-/);
  });
});

test('podfreight completion zsh', { skip: missing('zsh') }, async (test) => {
  const env = { PATH: `${await programFolder(test)}:${process.env.PATH}` };
  const script = `autoload -Uz compinit && compinit -D && eval "$(podfreight completion zsh)"; print $_comps[podfreight]`;
  const { stdout, stderr, code } = await startProgram('zsh', ['-f', '-c', script], { env }).ended;
  assert.deepEqual([stdout, stderr, code], ['_podfreight\n', '', 0]);
});

test('podfreight completion tcsh', async () => {
  const { stdout, stderr, code } = await podfreight(['completion', 'tcsh']);
  assert.equal(stdout, '');
  assert.match(stderr, /Allowed choices are bash, zsh, fish/);
  assert.equal(code, 2);
});
