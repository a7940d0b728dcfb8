import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { AgentState, isBeingWritten, type KnownFile, ObservedState } from '../../../cli/agent/state.ts';
import { temporaryFolder } from '../../e2e/podfreight.ts';

const DIRECTORY = '/checkpoints';
const LOCATION = { bucket: 'archives', key: 'c/n/s/20261122T143107Z.tar.zst' };

function file(name: string, fields: Partial<KnownFile> = {}): KnownFile {
  const known = { directory: DIRECTORY, name, version: `${name}-1`, digest: `sha-${name}`, sizeBytes: 10 };
  return { ...known, container: 'c', takenAt: 1000, ...fields };
}

async function open(path: string, destination = 'archives/c/n'): Promise<AgentState> {
  const state = await AgentState.open(path, destination, () => assert.fail('it is not damaged'));
  assert.ok(state !== 'busy');
  return state;
}

async function newState(t: TestContext): Promise<string> {
  return join(await temporaryFolder(t), 'state', 'agent.sqlite');
}

test('a plan outlives the process, until S3 has it', async (t) => {
  const path = await newState(t);
  const planned = await open(path).then((state) => {
    using _ = state;
    return state.plan('sandbox', [file('a.tar'), file('b.tar')]);
  });
  using state = await open(path);
  assert.deepEqual(state.plans(), [planned]);
  assert.equal(state.isStored(DIRECTORY, 'a.tar', 'a.tar-1'), false);
  state.confirm(planned, LOCATION, 77);
  assert.deepEqual(state.plans(), []);
  assert.equal(state.isStored(DIRECTORY, 'a.tar', 'a.tar-1'), true);
  assert.equal(state.isStored(DIRECTORY, 'a.tar', 'a.tar-2'), false);
  assert.deepEqual(
    state.stored(DIRECTORY),
    planned.files.map((one) => ({ ...one, location: LOCATION, objectBytes: 77 })),
  );
});

test('the same bytes under a new version are known again; others are not', async (t) => {
  using state = await open(await newState(t));
  state.confirm(state.plan('sandbox', [file('a.tar')]), LOCATION, 77);
  assert.equal(state.recognise(DIRECTORY, 'a.tar', 'other bytes', 'a.tar-2'), false);
  assert.equal(state.recognise(DIRECTORY, 'a.tar', 'sha-a.tar', 'a.tar-2'), true);
  assert.equal(state.isStored(DIRECTORY, 'a.tar', 'a.tar-2'), true);
});

test('what was shipped to another bucket or for another node does not count', async (t) => {
  const path = await newState(t);
  await open(path).then((state) => {
    using _ = state;
    state.confirm(state.plan('sandbox', [file('a.tar')]), LOCATION, 77);
  });
  using elsewhere = await open(path, 'archives/c/other');
  assert.equal(elsewhere.isStored(DIRECTORY, 'a.tar', 'a.tar-1'), false);
  assert.equal(elsewhere.knowsSandbox('sandbox'), false);
  assert.deepEqual(elsewhere.stored(DIRECTORY), []);
});

test('a shipment is forgotten when the last of its files is gone', async (t) => {
  using state = await open(await newState(t));
  state.confirm(state.plan('sandbox', [file('a.tar'), file('b.tar')]), LOCATION, 77);
  state.keepOnly(DIRECTORY, new Set(['b.tar']));
  assert.deepEqual(
    state.stored(DIRECTORY).map(({ name }) => name),
    ['b.tar'],
  );
  state.keepOnly(DIRECTORY, new Set(['a.tar', 'b.tar']));
  assert.equal(state.stored(DIRECTORY).length, 2);
  state.keepOnly('/elsewhere', new Set());
  assert.equal(state.knowsSandbox('sandbox'), true);
  state.keepOnly(DIRECTORY, new Set());
  assert.equal(state.knowsSandbox('sandbox'), false);
});

test('one agent at a time; others may look on', async (t) => {
  const path = await newState(t);
  using state = await open(path);
  state.confirm(state.plan('sandbox', [file('a.tar')]), LOCATION, 77);
  state.noteProblem(DIRECTORY, 'b.tar', 'b.tar-1', { code: 'invalid-archive', message: 'It ends early.' });
  assert.equal(await AgentState.open(path, 'archives/c/n', () => {}), 'busy');
  using observed = ObservedState.open(path, 'archives/c/n');
  assert.ok(observed !== undefined);
  assert.equal(observed.isStored(DIRECTORY, 'a.tar', 'a.tar-1'), true);
  assert.equal(observed.problem(DIRECTORY, 'b.tar', 'b.tar-1')?.code, 'invalid-archive');
  assert.equal(observed.problem(DIRECTORY, 'b.tar', 'b.tar-2'), undefined);
});

test('that the agent writes can be told from a failure to look on', async (t) => {
  const path = await newState(t);
  using _ = await open(path);
  using writer = new DatabaseSync(path);
  using observer = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  const look = () => observer.prepare('SELECT 1 FROM file').get();
  writer.exec('BEGIN EXCLUSIVE');
  assert.throws(look, isBeingWritten);
  assert.equal(isBeingWritten(new Error('another')), false);
  writer.exec('ROLLBACK');
  assert.equal(look(), undefined);
});

test('whoever looks on before there is anything is told so', async (t) => {
  const path = join(await temporaryFolder(t), 'agent.sqlite');
  assert.equal(ObservedState.open(path, 'archives/c/n'), undefined);
  await writeFile(path, '');
  assert.equal(ObservedState.open(path, 'archives/c/n'), undefined);
});

test('a damaged file is put aside', async (t) => {
  const path = await newState(t);
  (await open(path))[Symbol.dispose]();
  await writeFile(path, 'no database at all, but long enough to be looked at as one'.repeat(10));
  const aside: string[] = [];
  const state = await AgentState.open(path, 'archives/c/n', (where) => aside.push(where));
  assert.ok(state !== 'busy');
  using _ = state;
  assert.deepEqual(state.plans(), []);
  const names = (await readdir(dirname(path))).map((name) => join(dirname(path), name));
  assert.ok(aside.length === 1 && names.includes(aside[0]!));
});

test('whatever was confirmed when the process was killed is there', async (t) => {
  const path = await newState(t);
  const program = `
    import { AgentState } from ${JSON.stringify(join(import.meta.dirname, '../../../cli/agent/state.ts'))};
    const state = await AgentState.open(process.argv[1], 'archives/c/n', () => {});
    for (let i = 0; ; i++) {
      const name = i + '.tar';
      const file = { directory: '/checkpoints', name, version: 'v', digest: 'd', sizeBytes: 1, container: 'c', takenAt: i };
      state.confirm(state.plan('sandbox-' + i, [file]), { bucket: 'b', key: name }, 1);
      process.stdout.write(i + '\\n');
      await new Promise(setImmediate);
    }`;
  for (let round = 0; round < 5; round++) {
    await rm(dirname(path), { recursive: true, force: true });
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
      stdio: ['ignore', 'pipe', 2],
    });
    let told = '';
    child.stdout?.on('data', (chunk) => {
      told += chunk;
      if (told.length > 60 + round * 37) child.kill('SIGKILL');
    });
    await once(child, 'close');
    using state = await open(path);
    for (const name of told.split('\n').slice(0, -1)) {
      assert.equal(state.isStored(DIRECTORY, `${name}.tar`, 'v'), true, name);
    }
    assert.ok(state.plans().length <= 1);
  }
});
