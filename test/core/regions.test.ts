import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { knownRegion, nearestFirst, parseRegions, type Regions, regionOf } from '../../core/regions.ts';

const place = (name: string) => ({ archivesBucket: `archives-${name}`, bundlesBucket: `bundles-${name}` });
const regionsOf = (...names: string[]): Regions => new Map(names.map((name) => [name, place(name)]));

test('reads what the stack writes, in its order', () => {
  const names = ['us-west-2', 'eu-central-1', 'ap-southeast-2'];
  const text = JSON.stringify(Object.fromEntries(names.map((name) => [name, place(name)])));
  assert.deepEqual([...parseRegions(text, 'PODFREIGHT_REGIONS')], [...regionsOf(...names)]);
  const [name] = names;
  const local = { ...place('us-west-2'), s3Endpoint: 'http://127.0.0.1:1', lambdaEndpoint: 'http://127.0.0.1:2' };
  assert.deepEqual(parseRegions(JSON.stringify({ [name!]: local }), 'it').get('us-west-2'), local);
});

test('refuses anything else, and says what is wrong', () => {
  for (const [text, message] of [
    ['', /^PODFREIGHT_REGIONS is not valid JSON; /],
    ['["us-west-2"]', /must hold a JSON object/],
    ['{"": {}}', /"", which is no name of a region/],
    ['{"us-west-2": "bucket"}', /needs an object for us-west-2/],
    ['{"us-west-2": {"archivesBucket": "a"}}', /needs a text for bundlesBucket of us-west-2/],
    ['{"us-west-2": {"archivesBucket": "", "bundlesBucket": "b"}}', /archivesBucket of us-west-2/],
    ['{"us-west-2": {"archivesBucket": "a", "bundlesBucket": "b", "s3Endpoint": 1}}', /s3Endpoint of us-west-2/],
  ] as const) {
    assert.throws(() => parseRegions(text, 'PODFREIGHT_REGIONS'), { code: 'usage', message }, text);
  }
});

test('an object is where its record says, else where its bucket is, else nobody knows', () => {
  const regions = regionsOf('us-west-2', 'eu-central-1');
  assert.equal(regionOf({ bucket: 'archives-eu-central-1' }, regions), 'eu-central-1');
  assert.equal(regionOf({ bucket: 'bundles-us-west-2' }, regions), 'us-west-2');
  assert.equal(regionOf({ bucket: 'bundles-us-west-2', region: 'sa-east-1' }, regions), 'sa-east-1');
  assert.equal(regionOf({ bucket: 'elsewhere' }, regions), undefined);
});

test('the own region is the nearest, then those of its area, then the others', () => {
  const regions = regionsOf('us-west-2', 'eu-west-1', 'us-east-1', 'eu-central-1');
  assert.deepEqual(nearestFirst(regions, 'eu-central-1'), ['eu-central-1', 'eu-west-1', 'us-west-2', 'us-east-1']);
  assert.deepEqual(nearestFirst(regions, 'us-east-2'), ['us-west-2', 'us-east-1', 'eu-west-1', 'eu-central-1']);
  assert.deepEqual(nearestFirst(regions, undefined), [...regions.keys()]);
});

test('no region is lost or tried twice, and the own one is always first', () => {
  const name = fc.stringMatching(/^[a-z]{2}-[a-z]{3}-[1-3]$/);
  const property = fc.property(fc.uniqueArray(name), name, (names, own) => {
    const order = nearestFirst(regionsOf(...names), own);
    assert.deepEqual(order.toSorted(), names.toSorted());
    if (names.includes(own)) assert.equal(order[0], own);
  });
  fc.assert(property);
});

test('names the regions there are when asked for another', () => {
  const regions = regionsOf('us-west-2', 'eu-central-1');
  assert.equal(knownRegion('us-west-2', regions), regions.get('us-west-2'));
  assert.throws(() => knownRegion('eu-west-1', regions), {
    code: 'usage',
    message: /"eu-west-1".*us-west-2, eu-central-1/,
  });
  assert.throws(() => knownRegion('eu-west-1', new Map()), { code: 'usage', message: /podfreight configure/ });
});
