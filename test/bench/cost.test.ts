import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { count } from '../../bench/cost/count.ts';
import { costDocument } from '../../bench/cost/document.ts';
import { bundlePuts, pullGets, pushPuts } from '../../bench/cost/model.ts';

const MiB = 1024 ** 2;

test('docs/cost.md is what "npm run cost" prints', { timeout: 300_000 }, async () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/cost.md'), 'utf8');
  const counted = await count();
  assert.equal(
    costDocument(counted),
    document,
    'run "npm run --silent cost > docs/cost.md" and look at the difference',
  );
  // A count that the model does not explain is not printed.
  const { pushLarge } = counted;
  const more = { ...counted, pushLarge: { ...pushLarge, s3Put: pushLarge.s3Put + 1 } };
  assert.throws(() => costDocument(more), /PUTs of a large push: counted \d+, the model says \d+/);
});

test('requests grow with parts, and not with anything else', () => {
  assert.deepEqual([1, 8 * MiB, 8 * MiB + 1, 16 * MiB, 1024 * MiB].map(pushPuts), [1, 1, 5, 5, 131]);
  assert.deepEqual([bundlePuts([192 * MiB]), bundlePuts([288 * MiB, 6 * MiB]), bundlePuts([1024 * MiB])], [6, 8, 10]);
  assert.equal(pullGets(100 * MiB), 53);
});
