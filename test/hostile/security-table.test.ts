import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MANIFEST_GROUPS } from './manifests.ts';
import { withTables } from './security-table.ts';
import { GROUPS } from './tars.ts';

const DOCUMENT = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

test('docs/security.md says of each case what the tests expect; else: node test/hostile/write-security-table.ts', () => {
  assert.ok(withTables(DOCUMENT) === DOCUMENT);
});

for (const { title, cases } of [...GROUPS, ...MANIFEST_GROUPS]) {
  test(`${title}: each case has a name of its own`, () => {
    const names = cases.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name, i) => names.indexOf(name) !== i),
      [],
    );
  });
}
