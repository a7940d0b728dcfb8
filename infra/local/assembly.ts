import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { PodfreightError } from '../../core/errors.ts';
import { type RawTemplate, Template } from './template.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ASSEMBLIES = join(ROOT, 'dist', 'assemblies');
const STACK_NAME = 'podfreight';

/** All that the template and the functions' bundles are made of; not this folder, which only reads them. */
const SOURCES = ['infra/*.ts', 'core/**/*.ts', 'aws/**/*.ts', 'lambda/**/*.ts', 'package-lock.json', 'cdk.json'];

const KEPT_ASSEMBLIES = 3;
const WAIT_FOR_ANOTHER_SYNTHESIS_MS = 120_000;

/** What `cdk synth` makes: the template, and the functions' code. */
export interface Assembly {
  readonly template: Template;
  /** The folder of a function's code. @param s3Key of its property `Code` */
  codeFolder(s3Key: string): string;
}

/**
 * The stack as it would be deployed, in each of `regions`, the first being the primary one; in none of them by name when
 * there are none. Synthesised when the sources changed since the last time, which takes some seconds,
 * and by one process only when several ask; else found in `dist/assemblies/`.
 * @throws PodfreightError `internal` with the CDK's own words when the app does not synthesise
 */
export function synthesise(regions: readonly string[] = []): [primary: Assembly, ...others: Assembly[]] {
  const folder = join(ASSEMBLIES, fingerprint(regions));
  if (!existsSync(folder)) {
    mkdirSync(ASSEMBLIES, { recursive: true });
    using _lock = lock(join(ASSEMBLIES, 'lock'));
    if (!existsSync(folder)) {
      runApp(folder, regions);
      removeOld();
    }
  }
  const [primary, ...others] = regions;
  return [
    readAssembly(folder, STACK_NAME, primary),
    ...others.map((region) => readAssembly(folder, `${STACK_NAME}-${region}`, region)),
  ];
}

/** Changes with every byte and name of the sources. */
function fingerprint(regions: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(regions));
  for (const path of globSync(SOURCES, { cwd: ROOT }).sort()) {
    const contents = readFileSync(join(ROOT, path));
    hash.update(`${path}\0${contents.length}\0`).update(contents);
  }
  return hash.digest('hex').slice(0, 32);
}

/** SQLite's exclusive lock on an empty database: it dies with the process. */
function lock(path: string): Disposable {
  const database = new DatabaseSync(path, { timeout: WAIT_FOR_ANOTHER_SYNTHESIS_MS });
  database.exec('BEGIN EXCLUSIVE');
  return { [Symbol.dispose]: () => database.close() };
}

/** The app itself, without the CDK's command line, which would take twice as long. Written beside and renamed. */
function runApp(folder: string, regions: readonly string[]): void {
  const beside = `${folder}.tmp`;
  rmSync(beside, { recursive: true, force: true });
  const context = JSON.stringify({ podfreight: { regions } });
  const { status, stderr, error } = spawnSync(process.execPath, ['infra/app.ts'], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, CDK_OUTDIR: beside, CDK_CONTEXT_JSON: context },
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new PodfreightError('internal', `The CDK app does not synthesise: ${stderr?.trim() || error?.message}`);
  }
  renameSync(beside, folder);
}

function removeOld(): void {
  const folders = globSync('*/', { cwd: ASSEMBLIES }).map((name) => join(ASSEMBLIES, name));
  const newestFirst = folders.map((path) => ({ path, at: statSync(path).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { path } of newestFirst.slice(KEPT_ASSEMBLIES)) rmSync(path, { recursive: true, force: true });
}

/** `<folder>/<stack>.assets.json`, as far as it is read here. */
interface AssetManifest {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly source: { readonly path: string };
        readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
      }
    >
  >;
}

function readAssembly(folder: string, artifact: string, region: string | undefined): Assembly {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const assets = read(`${artifact}.assets.json`) as AssetManifest;
  const template = new Template(STACK_NAME, read(`${artifact}.template.json`) as RawTemplate, region);
  return {
    template,
    codeFolder: (s3Key) => {
      for (const { source, destinations } of Object.values(assets.files)) {
        const keys = Object.values(destinations).map(({ objectKey }) => objectKey);
        if (keys.includes(s3Key)) return join(folder, source.path);
      }
      throw new PodfreightError('not-found', `The synthesised assets hold no code named ${s3Key}.`);
    },
  };
}
