import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { goals, judge } from '../../bench/goals.ts';
import { operations } from '../../bench/operations/index.ts';
import type { Report } from '../../bench/report.ts';
import { s3tarArithmetic } from '../../bench/s3tar.ts';
import { resultOf, type Sample } from '../../bench/sample.ts';
import { temporaryFolder } from '../e2e/podfreight.ts';

const MAIN = join(import.meta.dirname, '../../bench/main.ts');
const PROGRAM = join(import.meta.dirname, '../../cli/podfreight.js');
/** Where syncing takes no time. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const LOCAL = ['start', 'show', 'extract', 'insert'];
const REMOTE = ['endpoint', 'push', 'pull'];
const STACK = ['bundle', 'functions'];

/** The peers that start fast; what is missing is to be said, not to fail. */
const environment = { ...process.env, PODFREIGHT_AWS: '', PODFREIGHT_RCLONE: '', PODFREIGHT_S5CMD: '' };

async function bench(...args: string[]) {
  return await promisify(execFile)(process.execPath, [MAIN, ...args], { env: environment });
}

/** A slice of the whole: `--size 4MiB --runs 1 --only …`. */
async function slice(t: TestContext, only: readonly string[]) {
  const file = join(await temporaryFolder(t), 'result.json');
  const settings = ['--program', PROGRAM, '--dir', MEMORY, '--size', '4MiB', '--runs', '1', '--json', file];
  const { stdout, stderr } = await bench(...settings, ...only.flatMap((name) => ['--only', name]));
  const report: Report = JSON.parse(await readFile(file, 'utf8'));
  assert.deepEqual(
    report.operations.map(({ name }) => name),
    operations.map(({ name }) => name).filter((name) => only.some((one) => name.startsWith(one))),
  );
  for (const { name, failed, results, notes = [] } of report.operations) {
    assert.equal(failed, undefined, `${name}\n${stderr}`);
    assert.ok(results.length + notes.length > 0, `${name} has no result`);
    for (const { name: contestant, absent, samples } of results) {
      assert.notEqual(absent, 'failed', `${name}, ${contestant}\n${stderr}`);
      if (absent === undefined) assert.ok(samples.length >= 1 && samples[0]!.seconds! > 0, `${name}, ${contestant}`);
    }
    assert.match(stdout, new RegExp(`^\\*\\*${name}\\*\\*: `, 'm'));
  }
  assert.equal(report.verdicts.length, goals.length);
  assert.match(stdout, /pages: 2[3-7]\.\d % by zstd -3 in frames of 4 MiB, 2[3-7]\.\d % in one stream/);
  const sample = (operation: string): Sample => {
    const { results = [] } = report.operations.find(({ name }) => name === operation) ?? {};
    return results.find(({ name }) => name === 'podfreight')!.samples[0]!;
  };
  return { sample, verdicts: report.verdicts };
}

suite('npm run bench', () => {
  test('on local files', async (t) => {
    const { sample, verdicts } = await slice(t, LOCAL);
    assert.ok(sample('show-plain').readBytes! < 100 * MIB, 'ten GiB were not read');
    assert.ok(verdicts.find(({ goal }) => goal.measure === 'readBytes')!.factor! > 0);
    assert.ok(sample('extract-none').writtenBytes! > 4 * MIB);
    assert.ok(sample('extract-zstd').writtenBytes! < 0.35 * sample('extract-none').writtenBytes!);
    // Of one alone it may be missed: it is looked at while that runs, and this machine may have other things to do.
    const seen = ['extract-none', 'extract-zstd', 'insert-none'].map((name) => sample(name).rssBytes ?? 0);
    assert.ok(Math.max(...seen) > 20 * MIB, 'memory was seen');
    assert.ok(sample('insert-none').cpuSeconds! > 0.02, 'processor time was seen');
  });

  test('with the endpoint', async (t) => {
    const { sample } = await slice(t, REMOTE);
    assert.ok(sample('push-none').bytesIn! >= 4 * MIB, 'what was pushed passed the endpoint');
    assert.ok(sample('pull-none').bytesOut! >= 4 * MIB, 'what was pulled passed the endpoint');
    assert.ok(sample('pull-none').requests! >= 2);
  });

  test('on the embedded stack, and of the functions', async (t) => {
    const { sample } = await slice(t, STACK);
    assert.ok(sample('bundle-none').requests! > 8);
    assert.ok(sample('bundle-none').writtenBytes! > 8 * 4 * MIB);
  });

  test('is whole with these three', () => {
    const covered = ({ name }: { name: string }) => [...LOCAL, ...REMOTE, ...STACK].some((one) => name.startsWith(one));
    assert.ok(operations.every(covered));
  });

  test('--list', async () => {
    const { stdout } = await bench('--list');
    for (const { name, what } of operations) assert.match(stdout, new RegExp(`^${name} .*`, 'm'), what);
  });

  test('--only nothing-such', async () => {
    await assert.rejects(bench('--only', 'nothing-such'), { code: 1, stderr: /There is no operation nothing-such/ });
  });
});

suite('goals', () => {
  const took = (name: string, seconds: number) => resultOf(name, [{ seconds }]);
  const reportOf = (ours: number, curl: number) => [
    { name: 'pull-none', what: '', results: [took('podfreight', ours), took('curl', curl)] },
  ];
  const verdictOn = (ours: number, curl: number) =>
    judge(reportOf(ours, curl), GIB).find(({ goal }) => goal.operation === 'pull-none' && goal.against === 'curl')!;

  test('name operations that are there', () => {
    const names = operations.map(({ name }) => name);
    assert.deepEqual(
      goals.filter(({ operation }) => !names.includes(operation)),
      [],
    );
  });

  test('are met from a factor of 1 on', () => {
    assert.equal(verdictOn(1, 2).factor, 2.2);
    assert.ok(verdictOn(2, 1).factor! < 1);
  });

  test('say nothing of what was not measured, or at another size', () => {
    assert.equal(judge([], GIB).filter(({ factor }) => factor !== undefined).length, 0);
    const bundle = [{ name: 'bundle-none', what: '', results: [resultOf('podfreight', [{ requests: 60 }])] }];
    const factors = (sizeBytes: number) => judge(bundle, sizeBytes).map(({ factor }) => factor);
    assert.ok(factors(GIB).includes(70 / 60));
    assert.ok(!factors(GIB / 2).includes(70 / 60));
  });
});

test('the median of an even number of runs lies between the two in the middle', () => {
  const samples = [4, 1, 10, 2].map((seconds) => ({ seconds }));
  assert.deepEqual(resultOf('x', samples).spreads, { seconds: { median: 3, min: 1, max: 10 } });
});

test('s3tar’s requests for 8 objects of 1 GiB', () => {
  const [, least, most] = /: (\d+) to (\d+),/.exec(s3tarArithmetic(8, 8 * GIB)) ?? [];
  assert.ok(Number(least) > 70 && Number(most) <= 5 * 8 + 13 + 1638, `${least} to ${most}`);
});
