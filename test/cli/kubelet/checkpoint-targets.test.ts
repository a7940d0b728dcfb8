import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointTargets, oneFailure } from '../../../cli/kubelet/checkpoint-targets.ts';
import type { Checkpointer } from '../../../cli/kubelet/checkpointer.ts';
import { nameOf, parseTarget } from '../../../cli/kubelet/target.ts';
import { PodfreightError } from '../../../core/errors.ts';

const RUNNING: Readonly<Record<string, readonly string[]>> = { 'a/web': ['app', 'log'], 'a/db': ['db'] };

/** Keeps what it was asked for; `refused` containers fail. */
class Recorder implements Checkpointer {
  readonly asked: string[] = [];
  readonly #refused: readonly string[];
  onCheckpoint: () => void = () => {};

  constructor(...refused: readonly string[]) {
    this.#refused = refused;
  }

  async runningContainers(pod: Parameters<Checkpointer['runningContainers']>[0]) {
    const running = RUNNING[nameOf(pod)];
    if (running === undefined) throw new PodfreightError('not-found', `no ${nameOf(pod)}.`);
    return running;
  }

  async checkpoint(container: Parameters<Checkpointer['checkpoint']>[0], _: number, signal: AbortSignal) {
    const name = nameOf(container);
    this.asked.push(name);
    this.onCheckpoint();
    signal.throwIfAborted();
    if (this.#refused.includes(name)) throw new PodfreightError('service', `not ${name}.`);
    return { ...container, path: `/${name}` };
  }
}

async function run(recorder: Recorder, names: readonly string[], signal = new AbortController().signal) {
  const outcome = await checkpointTargets(names.map(parseTarget), recorder, { timeoutSeconds: 1, signal });
  return {
    paths: outcome.checkpoints.map(({ path }) => path),
    failures: outcome.failures.map(({ message }) => message),
    all: outcome.failures,
  };
}

test('each container once, in the order given', async () => {
  const recorder = new Recorder();
  const { paths, failures } = await run(recorder, ['a/db/db', 'a/web/log', 'a/web', 'a/db', 'a/web/app']);
  assert.deepEqual(recorder.asked, ['a/db/db', 'a/web/log', 'a/web/app']);
  assert.deepEqual([paths, failures], [['/a/db/db', '/a/web/log', '/a/web/app'], []]);
});

test('one that fails keeps no other from it', async () => {
  const { paths, failures, all } = await run(new Recorder('a/web/app'), ['a/gone', 'a/web', 'a/db']);
  assert.deepEqual(paths, ['/a/web/log', '/a/db/db']);
  assert.deepEqual(failures, ['no a/gone.', 'not a/web/app.']);
  const failure = oneFailure(all);
  assert.deepEqual([failure.code, failure.message], ['not-found', 'no a/gone. not a/web/app.']);
  assert.deepEqual(failure.subject.failures, failures);
  assert.equal(oneFailure(all.slice(1)), all[1]);
});

test('an interruption ends it, and is what it ends with', async () => {
  const controller = new AbortController();
  const recorder = new Recorder('a/web/app');
  recorder.onCheckpoint = () => {
    if (recorder.asked.length === 2) controller.abort(new PodfreightError('interrupted', 'Stopped.'));
  };
  const { paths, all } = await run(recorder, ['a/web/app', 'a/db', 'a/web/log'], controller.signal);
  assert.deepEqual(recorder.asked, ['a/web/app', 'a/db/db']);
  assert.deepEqual(paths, []);
  assert.equal(oneFailure(all).code, 'interrupted');
});

test('a defect is no failure of a container', async () => {
  const recorder = new Recorder();
  recorder.onCheckpoint = () => {
    throw new TypeError('defect');
  };
  await assert.rejects(run(recorder, ['a/db']), TypeError);
});
