import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';

/** What is built goes here. */
export const DIST = fileURLToPath(new URL('../dist', import.meta.url));

/** Common to all that is bundled. Identifiers are kept, so that a stack trace says something without a source map. */
export const BUNDLING = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  // Packages' ES modules first: esbuild's own order for Node.js takes CommonJS, which it cannot shake.
  mainFields: ['module', 'main'],
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * Replaces a file below `dist` in one step, because another process may be reading it; left alone when nothing changed.
 * @param mode of a new file
 */
export function replaceFile(path: string, contents: Uint8Array, mode = 0o644): void {
  try {
    if (readFileSync(path).equals(contents)) return;
  } catch {
    mkdirSync(dirname(path), { recursive: true });
  }
  const beside = join(DIST, `${process.pid}.tmp`); // in no folder that is deployed
  writeFileSync(beside, contents, { mode });
  renameSync(beside, path);
}
