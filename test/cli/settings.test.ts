import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SETTINGS } from '../../cli/settings.ts';
import { OUTPUTS } from '../../infra/outputs.ts';

test('what configure takes from the stack is what functions are told, too', () => {
  const outputs: Readonly<Record<string, string>> = OUTPUTS;
  for (const setting of Object.values(SETTINGS)) {
    if ('output' in setting) assert.equal(outputs[setting.output], setting.variable);
  }
});

test('the README lists every setting', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  for (const [name, { flag, variable }] of Object.entries(SETTINGS)) {
    assert.ok(readme.includes(`| \`${name}\` | \`${flag}\``), name);
    assert.ok(readme.includes(`| \`${variable}\` |`), variable);
  }
});
