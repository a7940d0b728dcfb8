import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { ARCHITECTURES, packageExecutable } from '../../infra/package-executable.ts';
import { Cloud } from '../e2e/cloud.ts';
import { bundleOfThree, PODS, pushBothNodes } from '../e2e/nodes.ts';
import { type Ended, FIXTURES, startProgram } from '../e2e/podfreight.ts';

const architecture = ARCHITECTURES.find((known) => known === process.arch);
const cannot = process.platform !== 'linux' || architecture === undefined ? 'there is none for this machine' : false;
const isRoot = process.getuid?.() === 0;

/**
 * As root, it runs where there is nothing but itself and the C library: no Node.js, no shell, no /etc, no /proc. Else it is
 * only that $PATH finds nothing.
 */
describe('the single executable, on a node without Node.js', { skip: cannot }, () => {
  let executable: string;
  const cloud = new Cloud(pushBothNodes);
  const at = (name: string) => join(cloud.folder, 'empty', name);

  before(async () => {
    executable = await packageExecutable(architecture!);
    for (const folder of ['', 'bin', 'tmp']) mkdirSync(at(folder), { recursive: true });
    copyFileSync(join(FIXTURES, 'node-a.tar.zst'), at('node-a.tar.zst'));
    putInto(executable, at('bin/podfreight'));
    for (const library of librariesOf(executable)) {
      mkdirSync(dirname(at(library)), { recursive: true });
      copyFileSync(library, at(library));
    }
  });

  /** Paths in `args` are as the program sees them. */
  function run(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const env = { ...settings, PATH: '/nowhere', TMPDIR: isRoot ? '/tmp' : at('tmp') };
    if (!isRoot) return startProgram(at('bin/podfreight'), args, { env }).ended;
    return startProgram('/usr/sbin/chroot', [at(''), '/bin/podfreight', ...args], { env }).ended;
  }

  const path = (name: string) => (isRoot ? `/${name}` : at(name));

  test('podfreight --version', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    assert.deepEqual(await run(['--version']), { stdout: `${version}\n`, stderr: '', code: 0, signal: null });
  });

  test('podfreight show node-a.tar.zst --show-pod-uid', async () => {
    const { stdout, stderr, code } = await run(['show', path('node-a.tar.zst'), '--show-pod-uid']);
    const shown = readFileSync(join(FIXTURES, 'node-a.show.txt'), 'utf8').split('\n').slice(3).join('\n');
    assert.deepEqual([stderr, code], ['', 0]);
    assert.deepEqual(stdout.split('\n').slice(3).join('\n'), shown);
  });

  test('podfreight shwo', async () => {
    const { stderr, code } = await run(['shwo']);
    assert.match(stderr, /^podfreight: unknown command: shwo \(did you mean show\?\)/);
    assert.equal(code, 2);
  });

  test('podfreight pull BUNDLE and pull --pod, from the embedded stack', async () => {
    const bundle = await bundleOfThree(cloud);
    for (const [i, what] of [[bundle], ['--pod', 'default/counters', '--pod', 'edge/web']].entries()) {
      const target = `node-${i}`;
      const pull = await run(['pull', ...what, '-t', path(target)], cloud.stack.environment);
      assert.deepEqual([pull.stderr, pull.code], ['', 0]);
      const show = await run(['show', path(target), '--json']);
      const pods: { sandboxId: string; archiveFound: boolean }[] = JSON.parse(show.stdout).pods;
      assert.ok(pods.every(({ archiveFound }) => archiveFound));
      assert.ok(pods.some(({ sandboxId }) => sandboxId === PODS.web));
    }
  });
});

/** Without copying where it can be a second name: it is big. */
function putInto(file: string, path: string): void {
  try {
    linkSync(file, path);
  } catch {
    copyFileSync(file, path);
  }
}

/** What the dynamic linker would load, and itself. */
function librariesOf(program: string): string[] {
  const text = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...text.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map(([, path = '']) => path);
}
