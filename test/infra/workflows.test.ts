import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Workflow {
  readonly permissions?: unknown;
  readonly jobs: Readonly<
    Record<string, { readonly permissions?: unknown; readonly needs?: string; readonly steps: readonly Step[] }>
  >;
}

const read = (path: string): Workflow => parse(readFileSync(path, 'utf8'));
const workflows = globSync('.github/workflows/*.yml', { cwd: ROOT }).map((name) => join(ROOT, name));

for (const path of workflows) {
  test(`${basename(path)}: pinned actions, no secret, no more rights than reading by default, scripts that exist`, () => {
    const workflow = read(path);
    assert.deepEqual(workflow.permissions, { contents: 'read' });
    assert.doesNotMatch(readFileSync(path, 'utf8'), /secrets\s*[.[]|TOKEN: [^"$]/);
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
    for (const { uses, run = '' } of steps) {
      if (uses !== undefined) assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      // What comes from outside gets into a shell only as a variable.
      assert.doesNotMatch(run, /\$\{\{/);
      for (const [, name = ''] of run.matchAll(/npm run ([\w:]+)/g)) assert.ok(scripts[name], name);
      assert.deepEqual(spawnSync('bash', ['-n'], { input: run, encoding: 'utf8' }).stderr, '');
    }
  });
}

test('a release is tested first, published with provenance, and only its job may write', () => {
  const { jobs } = read(join(ROOT, '.github/workflows/release.yml'));
  assert.deepEqual(Object.keys(jobs), ['test', 'release']);
  assert.equal(jobs.test?.permissions, undefined);
  assert.equal(jobs.release?.needs, 'test');
  assert.deepEqual(jobs.release?.permissions, { contents: 'write', 'id-token': 'write', attestations: 'write' });
  const runs = jobs.release?.steps.map(({ run = '' }) => run).join('\n') ?? '';
  assert.match(runs, /npm publish \.\/dist\/package --provenance/);
  assert.match(runs, /sha256sum --check/);
});
