/**
 * Makes docs/recording.svg: what a terminal (tmux) shows of the main job on the embedded stack.
 *
 * The picture is text; it takes its colours from whether the reader's system is light or dark.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startStack } from './stack.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const RECORDING = join(ROOT, 'docs', 'recording.svg');
const COLUMNS = 118;
const ROWS = 100;
const LONGEST_COMMAND_MS = 60_000;
const PROMPT = '$';

const CHARACTER_WIDTH = 7.25;
const LINE_HEIGHT = 17;
const MARGIN = 14;

const work = await mkdtemp(join(tmpdir(), 'podfreight-record-'));
try {
  const lines = await record();
  writeFileSync(RECORDING, svg(lines));
  console.log(`${RECORDING}: ${lines.length} lines`);
} finally {
  await rm(work, { recursive: true, force: true });
}

async function record(): Promise<string[]> {
  await using stack = await startStack({ dir: join(work, 'aws') });
  const program = join(work, 'podfreight');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'cli', 'podfreight.js')}' "$@"\n`);
  chmodSync(program, 0o755);
  const { PATH } = process.env;
  const env = { ...process.env, ...stack.environment, PATH: `${work}:${PATH}`, PS1: `${PROMPT} ` };
  for (const node of ['node-a', 'node-b']) {
    execFileSync(program, ['insert', '-i', join(ROOT, 'test', 'fixtures', `${node}.tar.zst`), '-t', node], {
      cwd: work,
      env,
      stdio: 'ignore',
    });
  }

  using terminal = openTerminal(env);
  await terminal.type('podfreight push -t node-a --node node-a');
  await terminal.type('podfreight push -t node-b --node node-b');
  await stack.settled();
  await terminal.type('podfreight list');
  await terminal.type('podfreight bundle --pod default/counters --pod edge/web');
  const bundleId = /Bundle ([0-9a-f]{32})/.exec(terminal.lines().join('\n'))?.[1];
  await terminal.type(`podfreight pull ${bundleId} -t node-c`);
  await terminal.type('podfreight show -t node-c');
  return terminal.lines().slice(0, -1);
}

/** A shell in a tmux of its own. */
function openTerminal(env: NodeJS.ProcessEnv) {
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-S', join(work, 'tmux'), '-f', '/dev/null', ...args], { cwd: work, env, encoding: 'utf8' });
  tmux('new-session', '-d', '-x', `${COLUMNS}`, '-y', `${ROWS}`, 'bash', '--norc', '--noprofile');
  const lines = () => tmux('capture-pane', '-p').trimEnd().split('\n');
  let commands = 0;

  return {
    lines,
    /** Types a command, and waits for the next prompt. */
    async type(command: string): Promise<void> {
      tmux('send-keys', '-l', command);
      tmux('send-keys', 'Enter');
      commands++;
      const deadline = Date.now() + LONGEST_COMMAND_MS;
      while (lines().at(-1) !== PROMPT || lines().filter((line) => line.startsWith(PROMPT)).length <= commands) {
        if (Date.now() > deadline) throw new Error(`"${command}" does not end:\n${lines().join('\n')}`);
        await setTimeout(100);
      }
    },
    [Symbol.dispose]: () => tmux('kill-server'),
  };
}

function svg(lines: readonly string[]): string {
  const width = Math.ceil(COLUMNS * CHARACTER_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const texts = lines.flatMap((line, index) => {
    if (line === '') return [];
    const typed = line.startsWith(`${PROMPT} `) ? ' class="typed"' : '';
    return `<text${typed} x="${MARGIN}" y="${MARGIN + (index + 0.75) * LINE_HEIGHT}">${escapeXml(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" xml:space="preserve">
<title>podfreight in a terminal: two nodes push, a third pulls a bundle</title>
<style>
  rect { fill: #f6f8fa; stroke: #d0d7de }
  text { fill: #24292f; font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }
  .typed { fill: #0550ae; font-weight: bold }
  @media (prefers-color-scheme: dark) {
    rect { fill: #161b22; stroke: #30363d }
    text { fill: #e6edf3 }
    .typed { fill: #79c0ff }
  }
</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
${texts.join('\n')}
</svg>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
