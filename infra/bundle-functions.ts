import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Each is `lambda/<name>.ts`, exporting `handler`. */
export type FunctionName = 'catalogue' | 'create-bundle';

/** The handler setting that goes with what {@link bundleFunction} writes. */
export const HANDLER = 'index.handler';

/**
 * Bundles one function with all it imports into `dist/lambda/<name>/index.cjs`, which is what is deployed.
 * CommonJS, because it loads faster than ES modules with the AWS SDK inside. Identifiers are kept, so that a stack trace
 * in the logs says something without a source map.
 * @param entry the source; another one only in tests
 * @returns the folder of the bundle
 */
export function bundleFunction(name: FunctionName | (string & {}), entry = join(ROOT, 'lambda', `${name}.ts`)): string {
  const folder = join(ROOT, 'dist', 'lambda', name);
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    outfile: join(folder, 'index.cjs'),
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // Packages' ES modules first: esbuild's own order for Node.js takes CommonJS, which it cannot shake.
    mainFields: ['module', 'main'],
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'warning',
  });
  for (const { path, contents } of outputFiles) replaceFile(path, contents);
  removeAllBut(
    outputFiles.map(({ path }) => basename(path)),
    folder,
  );
  return folder;
}

/** Written beside and renamed, because another process may be reading it; left alone when nothing changed. */
function replaceFile(path: string, contents: Uint8Array): void {
  try {
    if (readFileSync(path).equals(contents)) return;
  } catch {
    mkdirSync(dirname(path), { recursive: true });
  }
  const beside = `${dirname(path)}.${process.pid}.tmp`;
  writeFileSync(beside, contents);
  renameSync(beside, path);
}

/** The whole folder is deployed: nothing of an earlier bundle may be in it. */
function removeAllBut(names: readonly string[], folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!names.includes(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
