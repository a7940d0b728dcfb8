import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from './kustomize.ts';

const TYPES = dirname(fileURLToPath(import.meta.resolve('kubernetes-types/package.json')));
const TSC = join(import.meta.dirname, '../../node_modules/.bin/tsc');

/** Where kubernetes-types has the objects of an API version. */
const MODULES: Readonly<Record<string, string>> = {
  v1: 'core/v1',
  'apps/v1': 'apps/v1',
  'networking.k8s.io/v1': 'networking/v1',
  'rbac.authorization.k8s.io/v1': 'rbac/v1',
};

/**
 * Has the compiler compare objects with Kubernetes' own types, made of its OpenAPI description: unknown fields, missing
 * ones, values of another type.
 * @returns what it complains about; nothing when all is well
 */
export async function typeCheck(manifests: readonly Manifest[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'podfreight-test-'));
  try {
    const declarations = manifests.map((manifest, i) => {
      const module = JSON.stringify(join(TYPES, MODULES[manifest.apiVersion] ?? 'unknown'));
      return `export const ${manifest.kind}${i}: import(${module}).${manifest.kind} = ${JSON.stringify(manifest, null, 2)};`;
    });
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: true, types: [], module: 'nodenext' };
    await writeFile(join(folder, 'manifests.ts'), declarations.join('\n'));
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['manifests.ts'] }));
    return await new Promise((resolve) => {
      execFile(process.execPath, [TSC, '-p', folder], (error, stdout) =>
        resolve(error ? stdout || String(error) : stdout),
      );
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
