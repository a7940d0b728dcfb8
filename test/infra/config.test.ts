import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App } from 'aws-cdk-lib';
import { type Config, DEFAULTS, readConfig } from '../../infra/config.ts';

function read(podfreight?: unknown): Config {
  return readConfig(new App({ context: podfreight === undefined ? {} : { podfreight } }).node);
}

test('without any context the defaults hold: one stack, wherever the credentials are', () => {
  assert.deepEqual(read(), DEFAULTS);
  assert.deepEqual(read().regions, []);
});

test('a setting replaces its default, as an object or as JSON from the command line', () => {
  assert.equal(read({ stackName: 'podfreight-test' }).stackName, 'podfreight-test');
  assert.equal(read('{"bundleConcurrency":5}').bundleConcurrency, 5);
  assert.equal(read({ bundleConcurrency: 'unreserved' }).bundleConcurrency, 'unreserved');
  assert.deepEqual(read({ regions: ['us-gov-west-1', 'eu-south-2'], primaryRegion: 'eu-south-2' }).regions, [
    'us-gov-west-1',
    'eu-south-2',
  ]);
});

const REFUSED: [unknown, RegExp][] = [
  [{ stackname: 'x' }, /unknown setting "stackname"; known are stackName, /],
  [{ stackName: '1st' }, /"stackName" .* must be a small letter and/],
  [{ stackName: 'Podfreight' }, /"stackName" .* must be a small letter and/],
  [{ stackName: 'ends-' }, /"stackName" .* must be a small letter and/],
  [{ stackName: 'x'.repeat(23) }, /"stackName" .* up to 21/],
  [{ regions: 'eu-central-1' }, /"regions" .* must be a list/],
  [{ regions: ['Frankfurt'] }, /"regions" .* must be a list of at most 8 regions/],
  [
    { regions: Array.from({ length: 9 }, (_, i) => `eu-west-${i}`) },
    /"regions" .* must be a list of at most 8 regions/,
  ],
  [{ regions: ['eu-central-1', 'eu-central-1'] }, /"regions" .* each once/],
  [{ regions: ['eu-central-1'], primaryRegion: 'us-east-1' }, /"primaryRegion" .* must be one of "regions"/],
  [{ primaryRegion: 'us-east-1' }, /"primaryRegion" .* must be one of "regions"/],
  [{ logRetentionDays: 91 }, /"logRetentionDays" .* must be one of 7, 14/],
  [{ deletedRetentionDays: 0 }, /"deletedRetentionDays" .* from 1 to 3650/],
  [{ unfinishedUploadDays: 31 }, /"unfinishedUploadDays" .* from 1 to 30/],
  [{ objectLock: 'yes' }, /"objectLock" .* true or false/],
  [{ alarmEmail: 'nobody' }, /"alarmEmail" .* address/],
  [{ catalogueConcurrency: 1 }, /"catalogueConcurrency" .* from 2 to 1000/],
  [{ catalogueMemoryMiB: 64 }, /"catalogueMemoryMiB" .* from 128 to 10240/],
  [{ bundleConcurrency: '5' }, /"bundleConcurrency" .* from 1 to 1000, or "unreserved"/],
  [{ bundleMemoryMiB: 256 }, /"bundleMemoryMiB" .* from 512 to 10240/],
  [['podfreight'], /must be an object/],
  ['{', /not valid JSON/],
];

for (const [context, message] of REFUSED) {
  test(`${JSON.stringify(context)} is refused`, () => {
    assert.throws(() => read(context), { code: 'usage', message });
  });
}
