import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownRegion, readConfig, readRegions } from '../../lambda/config.ts';

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

test('knows the regions that the stack tells of, and where it runs', () => {
  const place = { archivesBucket: 'a', bundlesBucket: 'b' };
  const PODFREIGHT_REGIONS = JSON.stringify({ 'eu-central-1': place });
  assert.deepEqual([...readRegions({ PODFREIGHT_REGIONS })], [['eu-central-1', place]]);
  assert.equal(readRegions({}).size, 0);
  assert.throws(() => readRegions({ PODFREIGHT_REGIONS: 'x' }), { code: 'usage', message: /PODFREIGHT_REGIONS/ });
  assert.deepEqual([ownRegion({ AWS_REGION: 'eu-central-1' }), ownRegion({})], [{ region: 'eu-central-1' }, {}]);
});
