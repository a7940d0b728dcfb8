import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bundleFunction, FUNCTIONS } from '../../infra/bundle-functions.ts';

const require = createRequire(import.meta.url);
const sources = mkdtempSync(join(tmpdir(), 'podfreight-bundle-'));
after(() => rmSync(sources, { recursive: true, force: true }));

// Lambda sets these; the functions read them when they are loaded.
Object.assign(process.env, {
  AWS_REGION: 'us-east-1',
  PODFREIGHT_ARCHIVES_BUCKET: 'archives',
  PODFREIGHT_BUNDLES_BUCKET: 'bundles',
  PODFREIGHT_TABLE: 'table',
  PODFREIGHT_RECONCILE_HOURS: '24',
});

for (const name of FUNCTIONS) {
  test(`the bundle of ${name} is one file that stands alone and exports a handler`, () => {
    const folder = bundleFunction(name);
    assert.deepEqual(readdirSync(folder), ['index.cjs']);

    const path = join(folder, 'index.cjs');
    const { handler } = require(path);
    assert.equal(typeof handler, 'function');
    assert.deepEqual(require.cache[path]?.children, []);
  });

  test(`the bundle of ${name} has no more of the SDK than it needs`, () => {
    const text = readFileSync(join(bundleFunction(name), 'index.cjs'), 'utf8');
    const clients = [...text.matchAll(/(\w+)Client=class extends \w*Client{/g)].map(([, client]) => client);
    assert.deepEqual(clients.toSorted(), ['DynamoDB', 'S3']);
    assert.doesNotMatch(text, /fromSSO|fromIni|sourceMappingURL/);
    assert.ok(text.length < 1024 ** 2, `${text.length} bytes`);
  });
}

test('a bundle replaces the one before it, with all its files', () => {
  const entry = join(sources, 'first.ts');
  writeFileSync(entry, 'export const handler = () => 1;');
  const folder = bundleFunction('test-replaced', entry);
  after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'stale.js'), '');

  writeFileSync(entry, 'export const handler = () => 2;');
  bundleFunction('test-replaced', entry);
  assert.deepEqual(readdirSync(folder), ['index.cjs']);
  assert.equal(require(join(folder, 'index.cjs')).handler(), 2);
});
