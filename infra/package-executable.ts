import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from './bundle-program.ts';
import { DIST } from './bundling.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const POSTJECT = join(ROOT, 'node_modules', 'postject', 'dist', 'cli.js');
const LOADER = join(import.meta.dirname, 'program-loader.cjs');

/** Marks where a Node.js binary keeps whether a program was put into it. @see https://nodejs.org/api/single-executable-applications.html */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/**
 * Makes `dist/podfreight-linux-<architecture>`: Node.js with the program in it, for nodes that have no Node.js. It is the
 * Node.js that `package-lock.json` pins, whatever machine builds. Left alone when it was made of the same already.
 * @returns its path
 */
export async function packageExecutable(architecture: Architecture): Promise<string> {
  const program = await bundleProgram();
  const node = nodeFor(architecture);
  const executable = join(DIST, `podfreight-linux-${architecture}`);
  const made = `${executable}.made-of`;
  const parts = [program, LOADER, import.meta.filename].map((path) => sha256(readFileSync(path)));
  const madeOf = `${JSON.stringify({ node: node.version, architecture, parts })}\n`;
  if (existsSync(executable) && existsSync(made) && readFileSync(made, 'utf8') === madeOf) return executable;

  const work = mkdtempSync(join(DIST, 'executable-'));
  try {
    const beside = join(work, 'podfreight');
    copyFileSync(node.binary, beside);
    chmodSync(beside, 0o755);
    run(POSTJECT, beside, 'NODE_SEA_BLOB', makeBlob(program, work), '--sentinel-fuse', FUSE);
    rmSync(made, { force: true });
    renameSync(beside, executable);
    writeFileSync(made, madeOf);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return executable;
}

/** The same for all architectures, as it has no code of a processor in it. @returns its path */
function makeBlob(program: string, work: string): string {
  const configuration = join(work, 'sea.json');
  const output = join(work, 'blob');
  writeFileSync(
    configuration,
    JSON.stringify({
      main: LOADER,
      assets: { 'podfreight.cjs': program },
      output,
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: false,
    }),
  );
  run('--experimental-sea-config', configuration);
  return output;
}

/** Runs Node.js; what it says is shown only when it fails: both programs chatter. */
function run(...args: string[]): void {
  execFileSync(process.execPath, args, { stdio: 'pipe' });
}

/** Of `package-lock.json`, as far as it is read here. */
interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity: string }>>;
}

/**
 * The package with the Node.js binary: the one that is installed when it is for this machine, else fetched once.
 * @throws Error when what was fetched is not what the lock file promises
 */
function nodeFor(architecture: Architecture): { binary: string; version: string } {
  const name = `node-linux-${architecture}`;
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  const locked = packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json has no ${name}.`);
  const { version, integrity } = locked;
  const installed = join(ROOT, 'node_modules', name, 'bin', 'node');
  if (existsSync(installed)) return { binary: installed, version };

  const folder = join(DIST, `${name}-${version}`);
  const binary = join(folder, 'package', 'bin', 'node');
  if (existsSync(binary)) return { binary, version };
  mkdirSync(DIST, { recursive: true });
  const work = mkdtempSync(join(DIST, 'node-'));
  try {
    execFileSync('npm', ['pack', '--silent', '--pack-destination', work, `${name}@${version}`], { cwd: ROOT });
    const archive = join(work, `${name}-${version}.tgz`);
    const digest = createHash('sha512').update(readFileSync(archive)).digest('base64');
    if (integrity !== `sha512-${digest}`) throw new Error(`${name} ${version} is not what package-lock.json promises.`);
    execFileSync('tar', ['-xzf', archive, '-C', work, 'package/bin/node', 'package/LICENSE']);
    rmSync(archive);
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { binary, version };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !ARCHITECTURES.some((known) => known === name));
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${ARCHITECTURES.join(', ')}.`);
  for (const architecture of ARCHITECTURES) {
    if (wanted.length === 0 || wanted.includes(architecture)) console.log(await packageExecutable(architecture));
  }
}
