import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SABOTAGES } from './index.ts';

const ROOT = join(import.meta.dirname, '../..');

test('each sabotage fits the sources as they are, in one place, and names tests that exist', () => {
  for (const { file, what, from, tests } of SABOTAGES) {
    const times = readFileSync(join(ROOT, file), 'utf8').split(from).length - 1;
    assert.equal(times, 1, `${file} (${what}) has ${times} times, and not once:\n${from}`);
    for (const path of tests) assert.ok(globSync(path, { cwd: ROOT }).length > 0, `${what}: no ${path}`);
  }
});
