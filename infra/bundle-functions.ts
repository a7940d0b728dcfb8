import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { BUNDLING, DIST, replaceFile } from './bundling.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Each is `lambda/<name>.ts`, exporting `handler`. */
export const FUNCTIONS = ['catalogue', 'create-bundle', 'reconcile', 'retention'] as const;

export type FunctionName = (typeof FUNCTIONS)[number];

/** The handler setting that goes with what {@link bundleFunction} writes. */
export const HANDLER = 'index.handler';

/**
 * Bundles one function with all it imports into `dist/lambda/<name>/index.cjs`, which is what is deployed.
 * CommonJS, because it loads faster than ES modules with the AWS SDK inside.
 * @param entry the source; another one only in tests
 * @returns the folder of the bundle
 */
export function bundleFunction(name: FunctionName | (string & {}), entry = join(ROOT, 'lambda', `${name}.ts`)): string {
  const folder = join(DIST, 'lambda', name);
  const { outputFiles } = buildSync({
    ...BUNDLING,
    entryPoints: [entry],
    outfile: join(folder, 'index.cjs'),
    write: false,
    format: 'cjs',
    alias: { '@aws-sdk/credential-provider-node': join(ROOT, 'lambda', 'credentials.ts') },
  });
  for (const { path, contents } of outputFiles) replaceFile(path, contents);
  removeAllBut(
    outputFiles.map(({ path }) => basename(path)),
    folder,
  );
  return folder;
}

/** The whole folder is deployed: nothing of an earlier bundle may be in it. */
function removeAllBut(names: readonly string[], folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!names.includes(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
