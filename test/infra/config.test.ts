import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App } from 'aws-cdk-lib';
import { type Config, readConfig } from '../../infra/config.ts';

function read(podfreight?: unknown): Config {
  return readConfig(new App({ context: podfreight === undefined ? {} : { podfreight } }).node);
}

test('without any context the defaults hold', () => {
  assert.deepEqual(read(), { stackName: 'podfreight', logRetentionDays: 90, catalogueConcurrency: 10 });
});

test('a setting replaces its default, as an object or as JSON from the command line', () => {
  assert.equal(read({ stackName: 'podfreight-test' }).stackName, 'podfreight-test');
  assert.equal(read('{"bundleConcurrency":5}').bundleConcurrency, 5);
});

const REFUSED: [unknown, RegExp][] = [
  [{ stackname: 'x' }, /unknown setting "stackname"; known are stackName, /],
  [{ stackName: '1st' }, /"stackName" .* must be a letter and/],
  [{ logRetentionDays: 91 }, /"logRetentionDays" .* must be one of 7, 14/],
  [{ catalogueConcurrency: 1 }, /"catalogueConcurrency" .* from 2 to 1000/],
  [{ bundleConcurrency: '5' }, /"bundleConcurrency" .* from 1 to 1000/],
  [['podfreight'], /must be an object/],
  ['{', /not valid JSON/],
];

for (const [context, message] of REFUSED) {
  test(`${JSON.stringify(context)} is refused`, () => {
    assert.throws(() => read(context), { code: 'usage', message });
  });
}
