import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SETTINGS } from '../../cli/settings.ts';
import { OUTPUTS } from '../../infra/outputs.ts';

test('every output of the stack is a setting that configure finds', () => {
  const settings = Object.values(SETTINGS).flatMap((setting) =>
    'output' in setting ? [[setting.output, setting.variable]] : [],
  );
  assert.deepEqual(Object.fromEntries(settings), OUTPUTS);
});

test('the README lists every setting', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  for (const [name, { flag, variable }] of Object.entries(SETTINGS)) {
    assert.ok(readme.includes(`| \`${name}\` | \`${flag}\``), name);
    assert.ok(readme.includes(`| \`${variable}\` |`), variable);
  }
});
