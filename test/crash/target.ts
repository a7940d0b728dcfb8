import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FileSource } from '../../cli/file-source.ts';
import { KubeletDirectory } from '../../cli/kubelet-directory.ts';
import { land } from '../../cli/landing/land.ts';
import { openArchive } from '../../core/archive/reader.ts';
import { formatManifest, formatPod, type ManifestPod } from '../../core/manifest/manifest.ts';
import { manifest } from '../cli/pods.ts';
import { type TextPod, writeBundle } from '../e2e/bundle.ts';
import { ANOTHER, type Bundle, type Scenario } from './scenarios.ts';
import { KILLED, trapped } from './trap.ts';

/** A scenario made once on disk, to be copied for every trial. */
export class Stage {
  readonly scenario: Scenario;
  readonly folder: string;

  private constructor(scenario: Scenario, folder: string) {
    this.scenario = scenario;
    this.folder = folder;
  }

  /** @param folder an empty one */
  static async make(scenario: Scenario, folder: string): Promise<Stage> {
    const stage = new Stage(scenario, folder);
    const { missing = [], unlisted = [], dead } = scenario;
    const before = dead?.before ?? scenario.before;
    await write(stage.#bundle('bundle'), scenario.bundle);
    await write(stage.#bundle('another'), { pods: [ANOTHER] });
    const target = join(folder, 'start', 'target');
    await mkdir(join(folder, 'start'));
    if (before.length === 0) return stage;
    await mkdir(target, { mode: 0o700 });
    await writeFile(join(target, 'checkpointed.pods'), formatManifest(manifest(...before.map(({ entry }) => entry))));
    for (const { entry, text } of [...before, ...unlisted]) {
      if (!missing.includes(entry.sandboxId)) await writeFile(join(target, `${entry.sandboxId}.tar`), text);
    }
    if (dead) {
      const trial = await stage.trial('dead');
      await write(stage.#bundle('dead-bundle'), dead.bundle);
      const args = insertArgs(trial.target, stage.#bundle('dead-bundle'), dead.bundle);
      const { calls } = await trapped(args, { at: 0, action: 'log' });
      const at = calls.find(dead.killedBefore)?.index;
      assert.ok(at, `"${scenario.what}": no such call`);
      const { code } = await trapped(insertArgs(target, stage.#bundle('dead-bundle'), dead.bundle), {
        at,
        action: 'kill',
      });
      assert.equal(code, KILLED);
    }
    return stage;
  }

  #bundle(name: string): string {
    return join(this.folder, name);
  }

  /** A copy of the start with the same inodes shared. */
  async trial(name: string, parent = this.folder): Promise<Trial> {
    const cwd = join(parent, name);
    await promisify(execFile)('cp', ['-a', join(this.folder, 'start'), cwd]);
    return new Trial(this.scenario, cwd, { bundle: this.#bundle('bundle'), another: this.#bundle('another') });
  }
}

/** A target to insert into, and the checks of what became of it. */
export class Trial {
  readonly scenario: Scenario;
  /** Holds nothing but the target. */
  readonly cwd: string;
  readonly target: string;
  readonly #bundles: { readonly bundle: string; readonly another: string };

  constructor(scenario: Scenario, cwd: string, bundles: { bundle: string; another: string }) {
    this.scenario = scenario;
    this.cwd = cwd;
    this.target = join(cwd, 'target');
    this.#bundles = bundles;
  }

  /** The command line of the scenario. */
  get args(): string[] {
    return insertArgs(this.target, this.#bundles.bundle, this.scenario.bundle);
  }

  /** Inserts in this process. */
  async insert(which: 'bundle' | 'another'): Promise<void> {
    const { onConflict = 'refuse', only } = which === 'bundle' ? this.scenario.bundle : ({} as Partial<Bundle>);
    const source = await FileSource.open(this.#bundles[which], 'refuse');
    try {
      await land({
        archive: await openArchive(source),
        target: this.target,
        selectors: only === undefined ? [] : [only],
        onConflict,
        signal: new AbortController().signal,
      });
    } finally {
      await source.close();
    }
  }

  /**
   * What must hold whenever somebody looks: the manifest parses; what it names is whole, and belongs to its entry; nothing
   * is lost but pods whose entry and file are being replaced; nothing lies elsewhere.
   */
  async assertWhole(): Promise<void> {
    const { before, after, missing = [], dead, bundle } = this.scenario;
    assert.deepEqual(
      (await names(this.cwd)).filter((name) => name !== 'target'),
      [],
      'nothing outside the target',
    );
    const listed = await this.#listed();
    const allowed = new Set([
      ...describedAll(before),
      ...describedAll(after),
      ...describedAll(dead?.bundle.pods ?? []),
    ]);
    for (const { entry, text } of listed) {
      if (text === undefined)
        assert.ok(missing.includes(entry.sandboxId), `${entry.sandboxId} is listed, and not there`);
      else assert.ok(allowed.has(described({ entry, text })), `${entry.sandboxId} is not what its entry says`);
    }
    const there = new Set(listed.map(({ entry }) => entry.sandboxId));
    for (const { entry } of before) {
      const replaced = [...bundle.pods, ...(dead?.bundle.pods ?? [])].some(
        (pod) => pod.entry.sandboxId === entry.sandboxId && formatPod(pod.entry) !== formatPod(entry),
      );
      assert.ok(there.has(entry.sandboxId) || replaced, `${entry.sandboxId} is not listed any more`);
    }
    await this.#assertNoStrangers();
  }

  async #assertNoStrangers(): Promise<void> {
    const { before, after, unlisted = [], dead } = this.scenario;
    const known = [...before, ...after, ...unlisted, ...(dead?.bundle.pods ?? []), ANOTHER].map(fileName);
    const strangers = (await names(this.target)).filter(
      (name) => !['.podfreight', 'checkpointed.pods', ...known].includes(name),
    );
    assert.deepEqual(strangers, [], 'nothing strange in the target');
    const folder = await lstat(join(this.target, '.podfreight')).catch(() => undefined);
    if (folder) assert.equal(folder.mode & 0o777, 0o700);
  }

  /** Everything is as it was before the insert, or as it is to be after it; nothing is left of a staging. */
  async assertBeforeOrAfter(also: readonly TextPod[] = []): Promise<'before' | 'after'> {
    const state = await this.#state(also);
    await assertNoStaging(this.target);
    return state;
  }

  async #state(also: readonly TextPod[]): Promise<'before' | 'after'> {
    const { before, after, unlisted = [], missing = [] } = this.scenario;
    const pods = await this.#listed();
    const back = pods.filter(({ entry, text }) => missing.includes(entry.sandboxId) && text !== undefined);
    const gone = missing.filter((id) => !back.some(({ entry }) => entry.sandboxId === id)); // a file that is back stays
    const listed = pods.map(({ entry, text }) => described({ entry, text: text ?? '' }));
    const expected = [...after, ...also].map(described).sort();
    const isAfter = listed.length === expected.length && listed.toSorted().every((one, i) => one === expected[i]);
    if (!isAfter) {
      const was = before.map((pod) => (gone.includes(pod.entry.sandboxId) ? { ...pod, text: '' } : pod));
      assert.deepEqual(listed, describedAll([...was, ...also]), 'as it was, in the same order');
    }
    const files = [
      ...(isAfter ? after : before.filter(({ entry }) => !gone.includes(entry.sandboxId))),
      ...also,
      ...unlisted,
    ];
    assert.deepEqual(
      (await names(this.target)).filter((name) => name.endsWith('.tar')),
      [...new Set(files.map(fileName))].sort(),
    );
    return isAfter ? 'after' : 'before';
  }

  /** As before the insert, and no checkpoint is left in a staging; empty folders may be. */
  async assertUntouched(): Promise<void> {
    const { before, after } = this.scenario;
    const isNoChange = before.length === after.length && before.every((pod, i) => pod === after[i]);
    assert.equal(await this.#state([]), isNoChange ? 'after' : 'before');
    const left = await readdir(join(this.target, '.podfreight'), { recursive: true }).catch(() => []);
    assert.deepEqual(
      left.filter((name) => name.endsWith('.tar')),
      [],
      'no checkpoint is left in a staging',
    );
  }

  async assertAfter(also: readonly TextPod[] = []): Promise<void> {
    assert.equal(await this.assertBeforeOrAfter(also), 'after');
  }

  /** All that the insert promised is there, whatever else is. */
  async assertListsAfter(): Promise<void> {
    const listed = new Set((await this.#listed()).map(({ entry, text }) => described({ entry, text: text ?? '' })));
    for (const pod of this.scenario.after) assert.ok(listed.has(described(pod)), `${pod.entry.sandboxId} is lost`);
  }

  async #listed(): Promise<{ entry: ManifestPod; text: string | undefined }[]> {
    const directory = new KubeletDirectory(this.target);
    const pods = (await directory.readManifestIfAny())?.pods ?? [];
    return Promise.all(
      pods.map(async (entry) => ({ entry, text: await textIfAny(directory.podPath(entry.sandboxId)) })),
    );
  }
}

/** Nothing is left of a staging. */
export async function assertNoStaging(target: string): Promise<void> {
  const left = (await names(join(target, '.podfreight'))).filter((name) => name !== 'lock');
  assert.deepEqual(left, [], 'nothing is left of a staging');
}

function insertArgs(target: string, bundle: string, { onConflict, only }: Bundle): string[] {
  return [
    ...['insert', '-t', target, '-i', bundle],
    ...(onConflict === undefined ? [] : ['--on-conflict', onConflict]),
    ...(only === undefined ? [] : ['--pod', only]),
  ];
}

function write(path: string, { pods, format = 'tar+zstd' }: Bundle): Promise<void> {
  return writeBundle(path, pods, format);
}

function described({ entry, text }: TextPod): string {
  return `${formatPod(entry)} ${text}`;
}

function describedAll(pods: readonly TextPod[]): string[] {
  return pods.map(described);
}

function fileName({ entry }: TextPod): string {
  return `${entry.sandboxId}.tar`;
}

/** None when there is no such folder. */
async function names(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

function textIfAny(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
