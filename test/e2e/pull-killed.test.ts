import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gambles } from '../crash/order.ts';
import { FULL, numbers, slice } from '../crash/slice.ts';
import { type Call, KILLED, noTrap, trapped } from '../crash/trap.ts';
import { archiveOf, type Kept, PulledArchive, pods, smallPods } from './killed-pull.ts';
import { temporaryFolder } from './podfreight.ts';

const MiB = 1024 * 1024;
/** How often each pull is killed before it may end. */
const KILLS = FULL ? 25 : 10;
/** What a kill may cost: the reads under way, a part for each connection; of pods, also the frames in memory. */
const LOST_BYTES = { '-o': 32 * MiB, '-t': 64 * MiB };
/** The archive's end, its manifest, and what is behind the pods: only a file has these as well. */
const ASIDE_BYTES = MiB;

/** A command that is asked to stop may take almost that long. */
const GRACE_MS = 2900;

const FORMATS = ['tar', 'tar+zstd'] as const;
const WAYS = ['-t', '-o'] as const;

for (const [format, way] of FORMATS.flatMap((format) => WAYS.map((way) => [format, way] as const))) {
  test(`podfreight pull s3://…/archive ${way} …  # ${format}, killed while it reads: goes on where it was`, async (t) => {
    const folder = await temporaryFolder(t);
    const all = pods(1);
    const archive = await archiveOf(all, format);
    const pulled = await PulledArchive.make(t, archive, 'archive');
    const place = join(folder, 'place');
    let kept: Kept = { wireBytes: 0, pieces: 0 };
    let kills = 0;
    let askedBytes = 0;
    const asideBytes = way === '-o' ? 0 : ASIDE_BYTES;
    for (let i = 0; i < KILLS; i++) {
      const atBytes = (archive.length - kept.wireBytes) * (0.4 + 0.5 * Math.random());
      const afterMs = Math.floor(Math.random() * 50);
      const ended = await pulled.pullKilled([way, place], atBytes, afterMs);
      const said = `kill ${i} at ${atBytes / MiB} MiB + ${afterMs} ms: ${ended.stderr}`;
      assert.ok(ended.signal === 'SIGKILL' || ended.code === 0, said);
      askedBytes += ended.askedBytes;
      assert.ok(ended.askedBytes <= archive.length - kept.wireBytes + asideBytes, `${said} fetched again what it had`);
      if (ended.code === 0 || (way === '-o' && existsSync(place))) {
        for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
        kept = { wireBytes: 0, pieces: 0 };
        continue;
      }
      kills += 1;
      const now = await pulled.kept(way === '-t' ? join(place, '.podfreight') : folder);
      const lostBytes = kept.wireBytes + ended.askedBytes - now.wireBytes;
      if (now.wireBytes > 0) assert.ok(lostBytes <= LOST_BYTES[way], `${said} lost ${lostBytes / MiB} MiB`);
      kept = now;
    }
    const last = await pulled.pull([way, place]);
    assert.deepEqual([last.code, last.stderr], [0, '']);
    assert.ok(last.askedBytes <= archive.length - kept.wireBytes + asideBytes, 'fetched again what it had');
    t.diagnostic(
      `${kills} kills; ${askedBytes / MiB} MiB in all, then ${last.askedBytes / MiB} of ${archive.length / MiB}`,
    );
    if (way === '-t') {
      for (const [id, bytes] of all) assert.ok((await readFile(join(place, `${id}.tar`))).equals(bytes), id);
      assert.deepEqual(await readdir(join(place, '.podfreight')), ['lock']);
    } else {
      assert.ok((await readFile(place)).equals(archive));
      assert.deepEqual(await readdir(folder), ['place']);
    }
  });
}

test('podfreight pull s3://…/archive  # killed, and the object replaced meanwhile: nothing of the old one is used', async (t) => {
  const folder = await temporaryFolder(t);
  const pulled = await PulledArchive.make(t, await archiveOf(pods(1), 'tar'), 'archive');
  const target = join(folder, 'target');
  const file = join(folder, 'file');
  for (const args of [
    ['-t', target],
    ['-o', file],
  ]) {
    await pulled.killHalfway(args, args[0] === '-t' ? join(target, '.podfreight') : folder);
  }
  const old = (await readdir(folder)).find((name) => name.endsWith('.part'));
  assert.ok(old);

  const others = pods(100);
  const replaced = await archiveOf(others, 'tar');
  await pulled.s3.overwrite(pulled.location, replaced);
  const landed = await pulled.pull(['-t', target]);
  assert.deepEqual([landed.code, landed.stderr], [0, '']);
  for (const [id, bytes] of others) assert.ok((await readFile(join(target, `${id}.tar`))).equals(bytes), id);
  const downloaded = await pulled.pull(['-o', file]);
  assert.deepEqual([downloaded.code, downloaded.stderr], [0, '']);
  assert.ok((await readFile(file)).equals(replaced));
  for (const { askedBytes } of [landed, downloaded]) assert.ok(askedBytes >= replaced.length - ASIDE_BYTES);
  assert.ok(!(await readdir(folder)).includes(old));
});

test('podfreight pull s3://…/archive -t …  # killed, and what it had was damaged or put elsewhere: is fetched again', async (t) => {
  const folder = await temporaryFolder(t);
  const all = pods(1);
  const pulled = await PulledArchive.make(t, await archiveOf(all, 'tar'), 'archive');
  const target = join(folder, 'target');
  const pull = ['-t', target];
  const before = await pulled.killHalfway(pull, join(target, '.podfreight'));
  const [partial] = await partialsOf(target);
  {
    await using large = await open(join(partial!, 'large-1.tar'), 'r+');
    await large.write('damaged', 5 * MiB);
  }
  const elsewhere = join(folder, 'elsewhere');
  await link(join(partial!, 'small-1.tar'), elsewhere);
  const { ino, mtimeNs } = await stat(elsewhere, { bigint: true });

  const { code, stderr, askedBytes } = await pulled.pull(pull);
  assert.deepEqual([code, stderr], [0, '']);
  for (const [id, bytes] of all) assert.ok((await readFile(join(target, `${id}.tar`))).equals(bytes), id);
  const missing = pulled.sizeBytes - before.wireBytes + 2 * MiB + all.get('small-1')!.length;
  assert.ok(Math.abs(askedBytes - missing) <= ASIDE_BYTES, `${askedBytes} instead of ${missing}`);
  const after = await stat(elsewhere, { bigint: true });
  assert.deepEqual([after.ino, after.mtimeNs, after.nlink], [ino, mtimeNs, 1n], 'a file in use is left alone');
});

test('podfreight pull s3://…/archive -t …  # stopped by SIGTERM: goes on where it was', async (t) => {
  const folder = await temporaryFolder(t);
  const pulled = await PulledArchive.make(t, await archiveOf(pods(1), 'tar'), 'archive');
  const target = join(folder, 'target');
  const kept = await pulled.killHalfway(['-t', target], join(target, '.podfreight'), 'SIGTERM');
  const stagings = async () =>
    (await readdir(join(target, '.podfreight'))).filter((name) => name.startsWith('staging-'));
  // On a machine with other work it may have run out of the time to clean up; then the next one does it.
  if (kept.endedAfterMs < GRACE_MS) assert.deepEqual(await stagings(), []);
  else t.diagnostic(`it took ${Math.round(kept.endedAfterMs)} ms to stop`);
  const { code, stderr, askedBytes } = await pulled.pull(['-t', target]);
  assert.deepEqual([code, stderr, await stagings()], [0, '', []]);
  assert.ok(askedBytes <= pulled.sizeBytes - kept.wireBytes + ASIDE_BYTES);
});

test('podfreight pull s3://…/archive -t …  # killed at its changes', { skip: noTrap() }, async (t) => {
  const folder = await temporaryFolder(t);
  const all = smallPods(1);
  const pulled = await PulledArchive.make(t, await archiveOf(all, 'tar+zstd'), 'archive');
  const run = (target: string, at: number, action: 'log' | 'kill') =>
    trapped(['pull', pulled.url, '-t', target], { at, below: folder, action }, { env: pulled.environment });
  const { calls, code, stderr } = await run(join(folder, 'unhurt'), 0, 'log');
  assert.equal(code, 0, stderr);
  for (const at of slice(numbers(calls.length), 17, 3)) {
    const target = join(folder, `${at}`);
    const killed = await run(target, at, 'kill');
    const where = `killed before ${JSON.stringify(killed.calls.at(-1))}`;
    assert.equal(killed.code, KILLED, where);
    const again = await pulled.pull(['-t', target]);
    assert.deepEqual([again.code, again.stderr], [0, ''], where);
    for (const [id, bytes] of all) {
      const path = join(target, `${id}.tar`);
      assert.ok((await readFile(path)).equals(bytes), `${where}: ${id}`);
    }
    const left = (await readdir(join(target, '.podfreight'))).filter((name) => name !== 'lock');
    // After its commitment there is nothing to go on with; what it left has no bytes of its own and goes with time.
    const isLanded = calls.findIndex(({ name, path }) => name === 'rename' && path.endsWith('/next')) < at - 1;
    assert.deepEqual(
      left.filter((name) => !(isLanded && name.startsWith('partial-'))),
      [],
      where,
    );
    await rm(target, { recursive: true });
  }
  t.diagnostic(`${calls.length} calls`);
});

test('podfreight pull s3://…/archive -o …  # killed at its changes', { skip: noTrap() }, async (t) => {
  const folder = await temporaryFolder(t);
  const archive = await archiveOf(smallPods(1), 'tar+zstd');
  const pulled = await PulledArchive.make(t, archive, 'archive');
  const run = (file: string, at: number, action: 'log' | 'kill') =>
    trapped(['pull', pulled.url, '-o', file], { at, below: folder, action }, { env: pulled.environment });
  const { calls, code, stderr } = await run(join(folder, 'unhurt'), 0, 'log');
  assert.equal(code, 0, stderr);
  for (const at of slice(numbers(calls.length), 7, 5)) {
    const place = join(folder, `${at}`);
    const file = join(place, 'file');
    await mkdir(place);
    await writeFile(file, 'old');
    const killed = await run(file, at, 'kill');
    const where = `killed before ${JSON.stringify(killed.calls.at(-1))}`;
    assert.equal(killed.code, KILLED, where);
    const between = await readFile(file);
    assert.ok(between.equals(Buffer.from('old')) || between.equals(archive), where);
    const again = await pulled.pull(['-o', file]);
    assert.deepEqual([again.code, again.stderr], [0, ''], where);
    assert.ok((await readFile(file)).equals(archive), where);
    assert.deepEqual(await readdir(place), ['file'], where);
  }
  t.diagnostic(`${calls.length} calls`);
});

test('podfreight pull s3://…/archive -t …  # syncs what it relies on before it does', { skip: noTrap() }, async (t) => {
  const target = join(await temporaryFolder(t), 'target');
  const all = smallPods(1);
  const pulled = await PulledArchive.make(t, await archiveOf(all, 'tar+zstd'), 'archive');
  const args = ['pull', pulled.url, '-t', target];
  const { calls, code, stderr } = await trapped(args, { at: 0, action: 'log' }, { env: pulled.environment });
  assert.equal(code, 0, stderr);
  const promised = { target, files: ['checkpointed.pods', ...[...all.keys()].map((id) => `${id}.tar`)] };
  // A partial's own names and journal are relied on by nobody.
  const isAside = ({ name, path }: Call) =>
    path.includes('/partial-') && (['mkdir', 'open', 'unlink'].includes(name) || path.endsWith('/journal'));
  const counting = calls.filter((call) => !isAside(call));
  assert.deepEqual(gambles(counting, promised), []);
  const syncs = counting.filter(({ name, path }) => name === 'fsync' && path.includes('/partial-'));
  assert.equal(syncs.length, all.size);
  for (const sync of syncs) {
    const others = counting.filter((call) => call !== sync);
    assert.notDeepEqual(gambles(others, promised), [], `without the sync of ${sync.path}`);
  }
});

async function partialsOf(target: string): Promise<string[]> {
  const folder = join(target, '.podfreight');
  return (await readdir(folder)).filter((name) => name.startsWith('partial-')).map((name) => join(folder, name));
}
