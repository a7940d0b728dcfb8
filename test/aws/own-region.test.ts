import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestRegion, ownRegion } from '../../aws/own-region.ts';

const REGIONS = new Map(
  ['us-west-2', 'eu-central-1'].map((name) => [name, { archivesBucket: `a-${name}`, bundlesBucket: `b-${name}` }]),
);
const within = (region: string) => ({ config: { region: async () => region } });
const nowhere = { config: { region: () => Promise.reject(new Error('Region is missing')) } };
const broken = { config: { region: () => Promise.reject(new Error('The profile cannot be read')) } };

test('the own region is what the SDK says, or unknown', async () => {
  assert.equal(await ownRegion(within('eu-west-1')), 'eu-west-1');
  assert.equal(await ownRegion(nowhere), undefined);
  await assert.rejects(ownRegion(broken), { code: 'service', message: /The profile cannot be read/ });
});

test('who is in none of the regions asks the nearest, and who is in one asks there', async () => {
  assert.equal(await nearestRegion(REGIONS, within('eu-central-1')), undefined);
  assert.equal(await nearestRegion(REGIONS, within('eu-west-1')), 'eu-central-1');
  assert.equal(await nearestRegion(REGIONS, within('sa-east-1')), 'us-west-2');
  assert.equal(await nearestRegion(REGIONS, nowhere), 'us-west-2');
  assert.equal(await nearestRegion(new Map(), broken), undefined, 'without regions nobody is asked');
});
