import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../../lambda/config.ts';

test('reads what a function needs, and no more', () => {
  const environment = { PODFREIGHT_TABLE: 't', PODFREIGHT_BUNDLES_BUCKET: 'b' };
  assert.deepEqual(readConfig(['table', 'bundlesBucket'], environment), { table: 't', bundlesBucket: 'b' });
});

test('names the variable that is missing', () => {
  for (const environment of [
    {},
    { PODFREIGHT_TABLE: 't' },
    { PODFREIGHT_TABLE: 't', PODFREIGHT_ARCHIVES_BUCKET: '' },
  ]) {
    assert.throws(() => readConfig(['table', 'archivesBucket'], environment), {
      code: 'usage',
      message: /PODFREIGHT_(TABLE|ARCHIVES_BUCKET)/,
    });
  }
});
