import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileSource } from '../../cli/file-source.ts';
import { KubeletDirectory } from '../../cli/kubelet-directory.ts';
import { land } from '../../cli/landing/land.ts';
import { openArchive } from '../../core/archive/reader.ts';
import { formatManifest, formatPod, type ManifestPod } from '../../core/manifest/manifest.ts';
import { manifest, pod } from '../cli/pods.ts';
import { FULL } from '../crash/slice.ts';
import { type TextPod, writeBundle } from './bundle.ts';
import { start, temporaryFolder } from './podfreight.ts';

/** Every so many steps. They are numbered alike in each run. */
const STRIDE = FULL ? 1 : 4;
const SIDE_BY_SIDE = 4;

const KILLER = join(import.meta.dirname, 'kill-at.ts');

const KEPT = pod('kept');
const SAME = pod('same');
const SWAPPED = pod('swapped');
const TORN_BEFORE = pod('torn', { configSeen: 'before' });
const TORN_AFTER = pod('torn', { configSeen: 'after' });

interface Shape {
  readonly what: string;
  readonly before: readonly TextPod[];
  readonly unlisted?: readonly TextPod[];
  readonly bundle: readonly TextPod[];
  readonly after: readonly TextPod[];
}

const SHAPES: readonly Shape[] = [
  {
    what: 'two pods into a missing directory',
    before: [],
    bundle: [
      { entry: pod('x'), text: 'x' },
      { entry: pod('y'), text: 'y' },
    ],
    after: [
      { entry: pod('x'), text: 'x' },
      { entry: pod('y'), text: 'y' },
    ],
  },
  {
    what: 'new, unchanged, unlisted and replaced pods at once',
    before: [
      { entry: KEPT, text: 'kept' },
      { entry: TORN_BEFORE, text: 'torn before' },
      { entry: SAME, text: 'same' },
      { entry: SWAPPED, text: 'swapped before' },
    ],
    unlisted: [{ entry: pod('unlisted'), text: 'unlisted' }],
    bundle: [
      { entry: pod('new'), text: 'new' },
      { entry: SAME, text: 'same' },
      { entry: pod('unlisted'), text: 'unlisted' },
      { entry: TORN_AFTER, text: 'torn after' },
      { entry: SWAPPED, text: 'swapped after' },
    ],
    after: [
      { entry: KEPT, text: 'kept' },
      { entry: TORN_AFTER, text: 'torn after' },
      { entry: SAME, text: 'same' },
      { entry: SWAPPED, text: 'swapped after' },
      { entry: pod('new'), text: 'new' },
      { entry: pod('unlisted'), text: 'unlisted' },
    ],
  },
];

const ANOTHER: TextPod = { entry: pod('another'), text: 'another' };

async function fill(target: string, { before, unlisted = [] }: Shape): Promise<void> {
  if (before.length === 0) return;
  await mkdir(target, { mode: 0o700 });
  await writeFile(join(target, 'checkpointed.pods'), formatManifest(manifest(...before.map(({ entry }) => entry))));
  for (const { entry, text } of [...before, ...unlisted]) await writeFile(join(target, `${entry.sandboxId}.tar`), text);
}

/** Entry and bytes of every pod that is listed, as one text; fails when a file is missing. */
async function listed(target: string): Promise<string[]> {
  const directory = new KubeletDirectory(target);
  const pods = (await directory.readManifestIfAny())?.pods ?? [];
  return Promise.all(
    pods.map(async (entry) => described(entry, await readFile(directory.podPath(entry.sandboxId), 'utf8'))),
  );
}

function described(entry: ManifestPod, text: string): string {
  return `${formatPod(entry)} ${text}`;
}

function describedAll(pods: readonly TextPod[]): string[] {
  return pods.map(({ entry, text }) => described(entry, text));
}

async function names(target: string): Promise<string[]> {
  return (await readdir(target)).sort();
}

async function insertHere(target: string, bundle: string): Promise<void> {
  const source = await FileSource.open(bundle, 'refuse');
  try {
    const signal = new AbortController().signal;
    await land({ archive: await openArchive(source), target, onConflict: 'replace', signal });
  } finally {
    await source.close();
  }
}

for (const shape of SHAPES) {
  test(`podfreight insert --on-conflict replace  # killed before every step: ${shape.what}`, async (t) => {
    const folder = await temporaryFolder(t);
    const bundle = join(folder, 'bundle');
    const another = join(folder, 'another');
    await writeBundle(bundle, shape.bundle);
    await writeBundle(another, [ANOTHER]);
    let committed = 0;

    const killBefore = async (step: number): Promise<boolean> => {
      const cwd = join(folder, `${step}`);
      const target = join(cwd, 'target');
      await mkdir(cwd);
      await fill(target, shape);
      const { ended } = start(['insert', '-t', 'target', '-i', bundle, '--on-conflict', 'replace'], {
        cwd,
        env: { NODE_OPTIONS: `--import=${KILLER}`, KILL_AT: `${step}`, TMPDIR: cwd },
      });
      const { signal, code, stderr } = await ended;
      if (signal === null) assert.deepEqual([code, stderr], [0, '']);
      else assert.equal(signal, 'SIGKILL');

      // Nothing outside the target; what is listed belongs together; and only a pod between two states may be missing.
      assert.deepEqual(
        (await names(cwd)).filter((name) => name !== 'target'),
        [],
      );
      const allowed = new Set([...describedAll(shape.before), ...describedAll(shape.after)]);
      const swappedEarly = described(SWAPPED, 'swapped after');
      const there = await listed(target).catch((error) => (error.code === 'ENOENT' ? Promise.reject(error) : []));
      for (const one of there) assert.ok(allowed.has(one) || one === swappedEarly, `step ${step}: ${one}`);
      const present = new Set((await new KubeletDirectory(target).readManifestIfAny())?.pods?.map((p) => p.sandboxId));
      for (const { entry } of shape.before) {
        assert.ok(present.has(entry.sandboxId) || entry === TORN_BEFORE, `step ${step}: ${entry.sandboxId} is listed`);
      }

      // The next insert finds all of it or none, and leaves nothing behind.
      await insertHere(target, another);
      const rest = (await listed(target)).filter((one) => one !== described(ANOTHER.entry, ANOTHER.text));
      const isDone = rest.length === shape.after.length && rest.every((one, i) => one === describedAll(shape.after)[i]);
      if (isDone) committed += 1;
      else assert.deepEqual(rest, describedAll(shape.before), `step ${step}`);
      const files = (isDone ? shape.after : [...shape.before, ...(shape.unlisted ?? [])]).map(
        ({ entry }) => entry.sandboxId,
      );
      assert.deepEqual(
        (await names(target)).filter((name) => name.endsWith('.tar')),
        [...files, 'another'].map((id) => `${id}.tar`).sort(),
        `step ${step}`,
      );
      assert.deepEqual(
        (await names(join(target, '.podfreight'))).filter((name) => !name.startsWith('lock')),
        [],
      );

      // The same command again arrives where it would have arrived.
      await insertHere(target, bundle);
      assert.deepEqual((await listed(target)).sort(), describedAll([...shape.after, ANOTHER]).sort(), `step ${step}`);
      return signal !== null;
    };

    let next = 1;
    let steps = 0;
    const kill = async () => {
      for (;;) {
        const step = next;
        next += STRIDE;
        if (!(await killBefore(step))) return;
        steps += 1;
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, kill));
    t.diagnostic(`${steps} kills, ${committed - SIDE_BY_SIDE} of them after the commitment`);
    assert.ok(steps > 40 / STRIDE, `only ${steps} kills`);
    assert.ok(committed > SIDE_BY_SIDE, 'some come after the commitment');
  });
}
