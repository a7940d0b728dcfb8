import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FileSource } from '../../cli/file-source.ts';
import { land } from '../../cli/landing/land.ts';
import type { OnConflict } from '../../cli/landing/plan.ts';
import { openArchive } from '../../core/archive/reader.ts';
import { containerPod, type TextFiles } from '../cli/container-pod.ts';
import { type TextPod, writeBundle } from '../e2e/bundle.ts';
import { assertNoStaging } from './target.ts';
import { type Call, KILLED, trapped } from './trap.ts';

/** An insert of container archives into a directory without a manifest, and what is there before and after it. */
export interface ArchivesScenario {
  readonly what: string;
  /** Undefined: there is no target yet. */
  readonly before: TextFiles | undefined;
  readonly pods: readonly TextPod[];
  readonly onConflict?: OnConflict;
  /** The same insert was killed earlier, just before the first call of which this is true. */
  readonly killedBefore?: (call: Call) => boolean;
  readonly after: TextFiles;
}

/** Somebody else's insert. */
export const ANOTHER_ARCHIVE: TextFiles = { 'another.tar': 'another archive' };

/** A scenario made once on disk, to be copied for every trial. */
export class ArchivesStage {
  readonly scenario: ArchivesScenario;
  readonly folder: string;

  private constructor(scenario: ArchivesScenario, folder: string) {
    this.scenario = scenario;
    this.folder = folder;
  }

  /** @param folder an empty one */
  static async make(scenario: ArchivesScenario, folder: string): Promise<ArchivesStage> {
    const stage = new ArchivesStage(scenario, folder);
    await writeBundle(join(folder, 'bundle'), scenario.pods);
    await writeBundle(join(folder, 'another'), [containerPod('another', ANOTHER_ARCHIVE)]);
    await mkdir(join(folder, 'start'));
    const { before, killedBefore } = scenario;
    if (before === undefined) return stage;
    const target = join(folder, 'start', 'target');
    await mkdir(target, { mode: 0o700 });
    for (const [name, text] of Object.entries(before)) await writeFile(join(target, name), text);
    if (killedBefore === undefined) return stage;
    const { calls } = await trapped((await stage.trial('dead')).args, { at: 0, action: 'log' });
    const at = calls.find(killedBefore)!.index;
    const { code } = await trapped(new ArchivesTrial(stage, join(folder, 'start')).args, { at, action: 'kill' });
    assert.equal(code, KILLED);
    return stage;
  }

  async trial(name: string): Promise<ArchivesTrial> {
    const cwd = join(this.folder, name);
    await promisify(execFile)('cp', ['-a', join(this.folder, 'start'), cwd]);
    return new ArchivesTrial(this, cwd);
  }
}

/** A target to insert into, and the checks of what became of it. */
export class ArchivesTrial {
  /** Holds nothing but the target. */
  readonly cwd: string;
  readonly target: string;
  readonly #scenario: ArchivesScenario;
  readonly #folder: string;

  constructor({ scenario, folder }: ArchivesStage, cwd: string) {
    this.#scenario = scenario;
    this.#folder = folder;
    this.cwd = cwd;
    this.target = join(cwd, 'target');
  }

  get args(): string[] {
    const { onConflict = 'refuse' } = this.#scenario;
    return ['insert', '-t', this.target, '-i', join(this.#folder, 'bundle'), '--on-conflict', onConflict];
  }

  /** Inserts in this process. */
  async insert(which: 'bundle' | 'another'): Promise<void> {
    const source = await FileSource.open(join(this.#folder, which), 'refuse');
    const { onConflict = 'refuse' } = this.#scenario;
    try {
      const signal = new AbortController().signal;
      await land({ archive: await openArchive(source), target: this.target, onConflict, signal });
    } finally {
      await source.close();
    }
  }

  /** What must hold whenever somebody looks: each file is whole, as it was or as it is to be, none is lost, none strange. */
  async assertWhole(): Promise<void> {
    const { before = {}, after } = this.#scenario;
    const files = await this.#files();
    for (const [name, text] of Object.entries(files)) {
      assert.ok([before[name], after[name]].includes(text), `${name} is neither what it was nor what it is to be`);
    }
    for (const name of Object.keys(before)) assert.ok(name in files, `${name} is lost`);
  }

  /** All is as it was before the insert, or as it is to be after it; nothing is left of a staging. */
  async assertBeforeOrAfter(also: TextFiles = {}): Promise<'before' | 'after'> {
    const { before = {}, after } = this.#scenario;
    const files = await this.#files();
    await assertNoStaging(this.target);
    const isAfter = Object.keys(after).every((name) => files[name] === after[name]);
    assert.deepEqual(files, { ...(isAfter ? after : before), ...also });
    return isAfter ? 'after' : 'before';
  }

  /** All that the insert promised is there, whatever else is. */
  async assertListsAfter(): Promise<void> {
    const files = await this.#files();
    for (const [name, text] of Object.entries(this.#scenario.after)) assert.equal(files[name], text, `${name} is lost`);
  }

  async assertAfter(also: TextFiles = {}): Promise<void> {
    assert.equal(await this.assertBeforeOrAfter(also), 'after');
  }

  async #files(): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    for (const name of await readdir(this.target).catch(() => [])) {
      if (name !== '.podfreight') files[name] = await readFile(join(this.target, name), 'utf8');
    }
    return files;
  }
}
