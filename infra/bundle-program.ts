import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, transform } from 'esbuild';
import { BUNDLING, DIST, replaceFile } from './bundling.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const LOADER = join(import.meta.dirname, 'program-loader.cjs');
const PROGRAM = join(DIST, 'podfreight.cjs');

/**
 * Bundles the command line with all it imports into one file, `dist/podfreight.cjs`, which needs nothing but Node.js.
 * Every `import()` of the sources is a place where a module of its own is loaded, and not before (program-loader.cjs).
 * @returns its path
 */
export async function bundleProgram(): Promise<string> {
  const { outputFiles } = await build({
    ...BUNDLING,
    entryPoints: [join(ROOT, 'cli', 'podfreight.js')],
    outdir: DIST,
    write: false,
    // The only format that esbuild splits.
    format: 'esm',
    splitting: true,
    chunkNames: '[name]-[hash]',
    plugins: [onlyVersion, noSubprograms],
  });
  const modules = await Promise.all(
    outputFiles.map(async ({ path, text }) => `//: ${basename(path)} ${asciiJson(await asCommonJs(text))}\n`),
  );
  replaceFile(PROGRAM, Buffer.from(readFileSync(LOADER, 'utf8') + modules.join('')), 0o755);
  return PROGRAM;
}

/** `import()` becomes `require()`, which the loader answers. */
async function asCommonJs(text: string): Promise<string> {
  const { target, platform, minifySyntax, minifyWhitespace } = BUNDLING;
  const supported = { 'dynamic-import': false };
  const options = { target, platform, minifySyntax, minifyWhitespace, supported, format: 'cjs' } as const;
  return (await transform(text, options)).code;
}

/** One line whatever is in it; ASCII is read without decoding. */
function asciiJson(text: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(text).replace(/[^\x20-\x7e]/g, escaped);
}

/** Of package.json the program knows its version. */
const onlyVersion: Plugin = {
  name: 'only-version',
  setup({ onLoad }) {
    onLoad({ filter: /\/package\.json$/ }, ({ path }) => {
      if (path !== join(ROOT, 'package.json')) return undefined;
      const { version } = JSON.parse(readFileSync(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/** Commander can run other programs as commands, which ours never does: so it need not load what starts them. */
const noSubprograms: Plugin = {
  name: 'no-subprograms',
  setup({ onResolve, onLoad }) {
    const none = { path: 'none', namespace: 'none' };
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/') ? none : undefined,
    );
    onLoad({ filter: /./, namespace: none.namespace }, () => ({ contents: 'export default {};' }));
  },
};

if (import.meta.main) console.log(await bundleProgram());
