import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');

/** Which folders a folder may import from, itself aside. docs/design.md, "The tree". */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  aws: ['core'],
  lambda: ['core', 'aws'],
  cli: ['core', 'aws'],
  infra: ['core'],
};

/** Which packages a folder may import. Absent: any. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  core: /^tar-stream$/,
  aws: /^@aws-sdk\//,
  lambda: /^(@middy\/|@aws-lambda-powertools\/|aws-lambda$)/,
  cli: /^(commander|string-width)$/,
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly dynamic: boolean;
}

function importsOf(folder: string): Import[] {
  const files = globSync(`${folder}/**/*.ts`, { cwd: ROOT, exclude: ['**/cdk.out/**'] });
  return files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const still = [
      ...text.matchAll(/^(?:import|export)\b[^'"]*?\bfrom '([^']+)'/gm),
      ...text.matchAll(/^import '([^']+)'/gm),
    ];
    const lazy = [...text.matchAll(/\bimport\('([^']+)'\)/g)];
    return [
      ...still.map((match) => ({ file, target: match[1] ?? '', dynamic: false })),
      ...lazy.map((match) => ({ file, target: match[1] ?? '', dynamic: true })),
    ];
  });
}

for (const [folder, allowed] of Object.entries(ARROWS)) {
  test(`${folder} imports only from ${[folder, ...allowed].join(', ')}`, () => {
    const imports = importsOf(folder);
    assert.ok(imports.length > 0, `no imports found in ${folder}`);
    const wrong = imports.filter(({ file, target }) => {
      if (!target.startsWith('.')) {
        return !isBuiltin(target) && PACKAGES[folder] !== undefined && !PACKAGES[folder].test(target);
      }
      const [top = ''] = relative(ROOT, join(ROOT, file, '..', target)).split('/');
      return top !== folder && top !== 'package.json' && !allowed.includes(top);
    });
    assert.deepEqual(wrong, []);
  });
}

test('core does no IO of its own', () => {
  const wrong = importsOf('core').filter(({ target }) =>
    /^(node:)?(fs|net|http|https|child_process|os)\b/.test(target),
  );
  assert.deepEqual(wrong, []);
});

test('cli imports aws only when a command needs it', () => {
  const wrong = importsOf('cli').filter(({ target, dynamic }) => target.includes('/aws/') && !dynamic);
  const typesOnly = wrong.filter(({ file, target }) =>
    new RegExp(`^import type .* from '${target}'`, 'm').test(readFileSync(join(ROOT, file), 'utf8')),
  );
  assert.deepEqual(wrong, typesOnly);
});
