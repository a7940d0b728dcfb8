import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { transformSync } from 'esbuild';
import { bundleProgram } from '../../infra/bundle-program.ts';
import { Cloud } from '../e2e/cloud.ts';
import { FIXTURES, type RunOptions, startProgram } from '../e2e/podfreight.ts';

/** Tells on file descriptor 3 what is compiled and which of Node.js's own modules are loaded. */
const SPY = `
const vm = require('node:vm');
const { writeSync } = require('node:fs');
const { compileFunction } = vm;
const texts = [];
vm.compileFunction = (text, ...rest) => (texts.push(text), compileFunction(text, ...rest));
process.on('exit', () => {
  const clients = ['S3', 'DynamoDB', 'Lambda', 'CloudFormation'].filter((name) => texts.some((text) => text.includes(name + 'Client=class extends')));
  const builtins = ['https', 'child_process'].filter((name) => process.moduleLoadList.includes('NativeModule ' + name));
  writeSync(2, JSON.stringify({ clients, builtins, bytes: texts.join('').length }));
});`;

describe('the program as it ships', () => {
  const folder = mkdtempSync(join(tmpdir(), 'podfreight-program-'));
  const program = join(folder, 'podfreight');
  const spy = join(folder, 'spy.cjs');
  const at = (name: string) => join(folder, name);
  const run = (args: readonly string[], options?: RunOptions) =>
    startProgram(process.execPath, [program, ...args], options).ended;
  const runInCloud = (args: readonly string[]) => run(args, { env: cloud.stack.environment });
  const cloud = new Cloud();
  before(async () => {
    // Alone, so that nothing of the checkout helps it.
    copyFileSync(await bundleProgram(), program);
    writeFileSync(spy, SPY);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('podfreight --version', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    assert.deepEqual(await run(['--version']), { stdout: `${version}\n`, stderr: '', code: 0, signal: null });
  });

  test('podfreight shwo', async () => {
    const { stderr, code } = await run(['shwo']);
    assert.deepEqual(
      [stderr, code],
      ['podfreight: unknown command: shwo (did you mean show?); see "podfreight --help".\n', 2],
    );
  });

  test('show, insert, extract', async () => {
    const archive = join(FIXTURES, 'node-a.tar.zst');
    const insert = await run(['insert', '-i', archive, '-t', at('node-a')]);
    assert.equal(insert.code, 0, insert.stderr);
    const show = await run(['show', at('node-a'), '--show-pod-uid']);
    const shown = readFileSync(join(FIXTURES, 'node-a.show.txt'), 'utf8').split('\n').slice(3).join('\n');
    assert.deepEqual([show.stdout.split('\n').slice(3).join('\n'), show.code], [shown, 0]);
    const extract = await run(['extract', '-t', at('node-a'), '-o', at('a.tar.zst')]);
    assert.deepEqual([extract.stderr, extract.code], ['', 0]);
    const again = await run(['insert', '-i', at('a.tar.zst'), '-t', at('node-a'), '--json']);
    assert.deepEqual(
      JSON.parse(again.stdout).pods.map(({ outcome }: { outcome: string }) => outcome),
      ['unchanged', 'unchanged'],
    );
  });

  test('push, list, bundle, pull', async () => {
    const push = await runInCloud(['push', '-t', at('node-a'), '--node', 'node-a']);
    assert.deepEqual([push.stderr, push.code], ['', 0]);
    await cloud.stack.settled();
    const list = await runInCloud(['list']);
    assert.match(list.stdout, /\| default +\| counters +\|/);
    const bundle = await runInCloud(['bundle', '--pod', 'default/counters', '--quiet']);
    assert.deepEqual([bundle.stderr, bundle.code], ['', 0]);
    for (const what of [[bundle.stdout.trim()], ['--pod', 'default/counters']]) {
      const pull = await runInCloud(['pull', ...what, '-t', at('node-b')]);
      assert.deepEqual([pull.stderr, pull.code], ['', 0]);
    }
    const show = await run(['show', at('node-b'), '--json']);
    assert.equal(JSON.parse(show.stdout).pods[0].archiveFound, true);
  });

  /** What a command loads, told by the last thing on stderr. */
  async function loadedBy(...args: string[]): Promise<{ clients: string[]; builtins: string[]; bytes: number }> {
    const { stderr } = await startProgram(process.execPath, ['--require', spy, program, ...args], {
      env: { ...cloud.stack.environment, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
    }).ended;
    return JSON.parse(stderr.slice(stderr.lastIndexOf('{"clients"')));
  }

  test('loads nothing of AWS where it is not needed', async () => {
    for (const args of [
      ['--version'],
      ['--help'],
      ['help', 'settings'],
      ['configure'],
      ['complete', '--', 'show', '--'],
      ['show', at('node-a')],
      ['show', join(FIXTURES, 'podman-web.tar.gz'), join(FIXTURES, 'node-a.tar.zst')],
      ['list', at('node-a')],
      ['extract', '-t', at('node-a'), '-o', at('b.tar')],
    ]) {
      const { clients, builtins, bytes } = await loadedBy(...args);
      assert.deepEqual([clients, builtins], [[], []], args.join(' '));
      assert.ok(bytes < 350_000, `${args.join(' ')}: ${bytes} bytes of source`);
    }
  });

  test('loads just the clients that a command uses', async () => {
    for (const [args, clients] of [
      [['pull', 's3://bucket/key'], ['S3']],
      [['show', 's3://bucket/key'], ['S3']],
      [['push', '-t', at('node-a')], ['S3']],
      [['list'], ['DynamoDB']],
      [['bundle', '--pod', 'a/b'], ['Lambda']],
      [['configure', '--stack', 'a', '--dry-run'], ['CloudFormation']],
      [['complete', '--', 'pull', '--pod', ''], ['DynamoDB']],
      [
        ['pull', '--pod', 'a/b'],
        ['S3', 'DynamoDB'],
      ],
    ] as const) {
      assert.deepEqual((await loadedBy(...args)).clients, clients, args.join(' '));
    }
  });

  test('an old Node.js can read as far as its sentence', () => {
    const loader = readFileSync(program, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('//'));
    const entry = /^\/\/: podfreight\.js (.*)$/m.exec(readFileSync(program, 'utf8'))?.[1] ?? '""';
    for (const text of [loader.join('\n'), JSON.parse(entry)]) {
      const options = { minifyWhitespace: true, charset: 'utf8' } as const;
      const asIs = transformSync(text, options).code;
      assert.equal(transformSync(text, { ...options, target: 'node10.12' }).code, asIs);
    }
  });
});
