import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageForNpm } from '../../infra/package-npm.ts';
import { FIXTURES, startProgram, temporaryFolder } from '../e2e/podfreight.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Five times what it is, and a hundredth of the checkout. */
const PACKED_BYTES_MAX = 2 * 1024 * 1024;

const env = { npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };

test('npm pack, then npm install of the tarball in an empty folder, without a network', async (test) => {
  const folder = await temporaryFolder(test);
  const npm = (args: string[], cwd: string) =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', env: { ...process.env, ...env, HOME: folder }, stdio: 'pipe' });
  const source = await packageForNpm(join(folder, 'package'), {});
  const [packed] = JSON.parse(npm(['pack', '--json', source], folder));
  assert.deepEqual(packed.files.map(({ path }: { path: string }) => path).toSorted(), [
    'LICENSE',
    'README.md',
    'package.json',
    'podfreight.1',
    'podfreight.cjs',
  ]);
  assert.ok(packed.size < PACKED_BYTES_MAX, `${packed.size} bytes`);

  const fresh = join(folder, 'fresh');
  mkdirSync(fresh);
  writeFileSync(join(fresh, 'package.json'), '{"private":true}');
  npm(['install', join(folder, packed.filename)], fresh);
  const installed = join(fresh, 'node_modules', 'podfreight');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const described = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  assert.equal(described.version, version);
  for (const name of ['scripts', 'dependencies', 'optionalDependencies', 'devDependencies', 'private']) {
    assert.equal(described[name], undefined, name);
  }
  assert.match(readFileSync(join(installed, 'podfreight.1'), 'utf8'), /^\.SS "podfreight pull /m);

  const podfreight = (...args: string[]) => startProgram(join(fresh, 'node_modules', '.bin', 'podfreight'), args).ended;
  const node = process.execPath;
  const launched = await startProgram(node, [join(installed, 'podfreight.cjs'), '--version']).ended;
  assert.deepEqual([launched.stdout, launched.stderr, launched.code], [`${version}\n`, '', 0]);
  const show = await podfreight('show', join(FIXTURES, 'node-a.tar.zst'), '--json');
  assert.deepEqual([show.stderr, show.code, JSON.parse(show.stdout).pods.length], ['', 0, 2]);
});

test('in a workflow of GitHub, the package names the repository that its provenance will', async (test) => {
  const folder = join(await temporaryFolder(test), 'package');
  const workflow = { GITHUB_SERVER_URL: 'https://example.org', GITHUB_REPOSITORY: 'owner/podfreight' };
  await packageForNpm(folder, workflow);
  const { repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  assert.deepEqual(repository, { type: 'git', url: 'git+https://example.org/owner/podfreight.git' });
});
