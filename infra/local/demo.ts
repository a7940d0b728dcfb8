/** The main job, from two nodes' kubelet directories to a third, on the embedded stack and through the command line. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { styleText } from 'node:util';
import { startStack } from './stack.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FIXTURES = join(ROOT, 'test', 'fixtures');
const PODFREIGHT = join(ROOT, 'cli', 'podfreight.js');
const WANTED = ['default/counters', 'default/my-redis', 'edge/web'];
const LATER = '273b27021c1f4bd8869936fa10578a407ea3b567cb12a3557459e247556d9dee';
const LATER_TIME = new Date('2026-11-22T13:30:00Z');

const startedAt = performance.now();
const timings: [string, number][] = [];
const work = await mkdtemp(join(tmpdir(), 'podfreight-demo-'));
try {
  await demo();
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}

async function demo(): Promise<void> {
  say('AWS, embedded: S3, EventBridge, SQS, Lambda and DynamoDB on 127.0.0.1');
  await using stack = await timed('stack up', () => startStack({ dir: join(work, 'aws') }));
  const environment = { ...process.env, ...stack.environment };
  const podfreight = (...args: string[]) =>
    run(process.execPath, [PODFREIGHT, ...args], environment, ['podfreight', ...args]);

  say('Two nodes, each with the pods that were really checkpointed there (the old tool’s archives have no digests)');
  for (const node of ['node-a', 'node-b']) {
    await podfreight('insert', '-i', join(FIXTURES, `${node}.tar.zst`), '-t', node);
  }
  // The packed samples have one time for all; really redis was checkpointed on node-b after node-a.
  await utimes(join(work, 'node-b', `${LATER}.tar`), LATER_TIME, LATER_TIME);
  await podfreight('show', '-t', 'node-a');
  await podfreight('show', '-t', 'node-b');

  say('Both push their pods to S3; S3’s events make the catalogue function read each archive');
  await timed('push, both nodes', async () => {
    await podfreight('push', '-t', 'node-a', '--node', 'node-a');
    await podfreight('push', '-t', 'node-b', '--node', 'node-b');
  });
  await timed('catalogue settled', () => stack.settled());
  await podfreight('list');

  say('One bundle of pods from both nodes: the newest checkpoint of each');
  const wanted = WANTED.flatMap((pod) => ['--pod', pod]);
  await timed('bundle', () => podfreight('bundle', ...wanted));
  say('Asked for again, the same bundle answers');
  const bundleId = (await podfreight('bundle', ...wanted, '--quiet')).trim();

  say('A third, empty node pulls it');
  await timed('pull', () => podfreight('pull', bundleId, '-t', 'node-c'));
  await podfreight('show', '-t', 'node-c');

  say('Every pod’s file is what it was, byte for byte');
  await compare('node-c', ['node-a', 'node-b']);

  say('And the bundle is a plain .tar.zst to everyone else');
  await podfreight('pull', bundleId, '-o', 'bundle.tar.zst');
  await peer('zstd', ['-t', 'bundle.tar.zst']);
  await peer('tar', ['--zstd', '-tvf', 'bundle.tar.zst']);

  say('Done');
  for (const [what, ms] of timings) console.log(`  ${what.padEnd(20)}${(ms / 1000).toFixed(2).padStart(7)} s`);
  console.log(`  ${'in all'.padEnd(20)}${((performance.now() - startedAt) / 1000).toFixed(2).padStart(7)} s`);
}

function say(text: string): void {
  console.log(`\n${styleText('bold', text)}`);
}

async function timed<T>(what: string, step: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await step();
  timings.push([what, performance.now() - start]);
  return result;
}

/** Runs a program in the demo's folder, as if typed; its output is shown and returned. */
async function run(file: string, args: string[], env: NodeJS.ProcessEnv, typed = [file, ...args]): Promise<string> {
  const line = typed.map((word) => (word.startsWith(ROOT) ? relative(ROOT, word) : word)).join(' ');
  console.log(styleText('cyan', `$ ${line}`));
  const child = spawn(file, args, { cwd: work, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  const closed = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  closed.catch(() => {}); // before the output ends nobody waits for it
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    output += chunk;
    process.stdout.write(chunk);
  }
  const code = await closed;
  if (code !== 0) throw new Error(`"${line}" ended with ${code}`);
  return output;
}

/** An independent reader of the format, where the machine has it. */
async function peer(program: string, args: string[]): Promise<void> {
  try {
    await run(program, args, process.env);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    console.log(`  ${program} is not installed here; skipped`);
  }
}

async function compare(target: string, origins: string[]): Promise<void> {
  const files = (await readdir(join(work, target))).filter((name) => name.endsWith('.tar'));
  if (files.length !== WANTED.length) throw new Error(`${target} has ${files.length} pods instead of ${WANTED.length}`);
  for (const file of files) {
    const landed = join(work, target, file);
    const digest = await sha256(landed);
    const origin = (await Promise.all(origins.map((node) => sha256(join(work, node, file)).catch(() => '')))).indexOf(
      digest,
    );
    if (origin < 0) throw new Error(`${target}/${file} is not what it was`);
    const { size } = await stat(landed);
    console.log(
      `  ${file.slice(0, 12)}….tar  ${size.toString().padStart(9)} bytes  = ${origins[origin]}  sha256 ${digest.slice(0, 16)}…`,
    );
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
