import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOldFlags } from '../../cli/old-flags.ts';

const CASES: readonly (readonly [string, string])[] = [
  ['show -t=DIR', 'show -t DIR'],
  ['insert -i=a=b', 'insert -i a=b'],
  ['show --show-pod-uid=true --show-pod-ip=false', 'show --show-pod-uid'],
  ['show --target=DIR -tDIR', 'show --target=DIR -tDIR'],
];

for (const [given, read] of CASES) {
  test(`${given} is read as ${read}`, () => assert.deepEqual(readOldFlags(given.split(' ')), read.split(' ')));
}
