import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Cloud } from './cloud.ts';
import { podfreight, temporaryFolder } from './podfreight.ts';

async function configIn(test: TestContext): Promise<string> {
  return join(await temporaryFolder(test), 'new', 'podfreight', 'config.json');
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

describe('podfreight configure', () => {
  const cloud = new Cloud();

  /** With what the SDK needs to reach the stack, and nothing of podfreight's own. */
  function configure(config: string, ...args: string[]) {
    const sdk = Object.entries(cloud.stack.environment).filter(([name]) => name.startsWith('AWS_'));
    return podfreight(args, { env: { ...Object.fromEntries(sdk), PODFREIGHT_CONFIG: config } });
  }

  test('podfreight configure --stack podfreight --cluster prod, then list', async (test) => {
    const config = await configIn(test);
    const { stdout, stderr, code } = await configure(config, 'configure', '--stack', 'podfreight', '--cluster', 'prod');
    assert.deepEqual([stderr, code], ['', 0]);
    const stack = cloud.stack.environment;
    assert.deepEqual(read(config), {
      archivesBucket: stack.PODFREIGHT_ARCHIVES_BUCKET,
      bundlesBucket: stack.PODFREIGHT_BUNDLES_BUCKET,
      table: stack.PODFREIGHT_TABLE,
      bundleFunction: stack.PODFREIGHT_BUNDLE_FUNCTION,
      regions: JSON.parse(cloud.setting('PODFREIGHT_REGIONS')),
      cluster: 'prod',
    });
    assert.match(stdout, /^Wrote .*config\.json:\n(?: {2}\w+ +\S+ +new\n){6}$/);
    assert.equal(statSync(config).mode & 0o777, 0o600);
    const list = await configure(config, 'list', '--json');
    assert.deepEqual([JSON.parse(list.stdout), list.code], [{ checkpoints: [], more: false }, 0]);

    const { ino } = statSync(config);
    const again = await configure(config, 'configure', '--stack', 'podfreight');
    assert.match(again.stdout, /^Nothing to change in .*:\n(?: {2}\w+ +\S+ +unchanged\n){6}$/);
    assert.equal(statSync(config).ino, ino, 'not written again');
  });

  test('podfreight configure --stack podfreight --table mine --dry-run --json', async (test) => {
    const config = await configIn(test);
    const args = ['configure', '--stack', 'podfreight', '--table', 'mine', '--dry-run', '--json'];
    const { stdout, code } = await configure(config, ...args);
    const { path, settings, changes } = JSON.parse(stdout);
    assert.deepEqual([path, settings.table, code], [config, 'mine', 0]);
    assert.deepEqual(changes.at(2), { setting: 'table', to: 'mine' });
    assert.equal(existsSync(config), false);
  });

  test('podfreight configure --stack nothing', async (test) => {
    const config = await configIn(test);
    const { stdout, stderr, code } = await configure(config, 'configure', '--stack', 'nothing');
    assert.deepEqual([stdout, code], ['', 3]);
    assert.equal(stderr, 'podfreight: The stack nothing does not exist; check its name, AWS_REGION and the account.\n');
    assert.equal(existsSync(config), false);
  });
});

test('podfreight configure --archives-bucket new  # keeps what else is in the file', async (test) => {
  const config = join(await temporaryFolder(test), 'config.json');
  writeFileSync(config, '{"later": [1], "archivesBucket": "old", "node": "n1"}');
  const env = { PODFREIGHT_CONFIG: config, PODFREIGHT_NODE: 'n2' };
  const { stdout, stderr, code } = await podfreight(['configure', '--archives-bucket', 'new'], { env });
  assert.equal(code, 0);
  assert.equal(
    readFileSync(config, 'utf8'),
    '{\n  "later": [\n    1\n  ],\n  "archivesBucket": "new",\n  "node": "n1"\n}\n',
  );
  assert.equal(stdout, `Wrote ${config}:\n  archivesBucket  new  was old\n  node            n1   unchanged\n`);
  assert.equal(
    stderr,
    `podfreight: warning: ${config} has names that other commands refuse: "later".\n` +
      'podfreight: warning: PODFREIGHT_NODE is set to n2, which goes before what the configuration file says.\n',
  );
});

test('podfreight configure', async (test) => {
  const config = join(await temporaryFolder(test), 'config.json');
  const env = { PODFREIGHT_CONFIG: config, PODFREIGHT_TABLE: 'catalogue' };
  const none = await podfreight(['configure'], { env });
  assert.match(none.stdout, /^Configuration file .*:\n.* {2}table +catalogue +from \$PODFREIGHT_TABLE\n.*not set/s);
  writeFileSync(config, '{"cluster": "prod", "table": "other"}');
  const { stdout, code } = await podfreight(['configure', '--json'], { env });
  assert.deepEqual(JSON.parse(stdout), {
    path: config,
    settings: { table: { value: 'catalogue', from: 'environment' }, cluster: { value: 'prod', from: 'file' } },
  });
  assert.equal(code, 0);
});

test('podfreight configure  # refuses what cannot be meant, and touches nothing', async (test) => {
  const folder = await temporaryFolder(test);
  const config = join(folder, 'config.json');
  const linked = join(folder, 'linked.json');
  const broken = join(folder, 'broken.json');
  writeFileSync(config, '{"cluster":"prod"}');
  symlinkSync(config, linked);
  writeFileSync(broken, '{"cluster":');
  mkdirSync(join(folder, 'directory'));
  for (const [path, args, code, message] of [
    [config, ['--table', ''], 2, /--table must not be empty/],
    [config, ['--archives-bucket', 's3://archives'], 2, /bare name/],
    [config, ['--cluster', 'a/b'], 2, /cluster name "a\/b"/],
    [broken, ['--cluster', 'a'], 2, /not valid JSON/],
    [linked, ['--cluster', 'a'], 7, /not a regular file/],
    [join(folder, 'directory'), ['--cluster', 'a'], 2, /cannot be read/],
    [join(config, 'below'), ['--cluster', 'a'], 2, /cannot be read/],
  ] as const) {
    const {
      stdout,
      stderr,
      code: ended,
    } = await podfreight(['configure', ...args], {
      env: { PODFREIGHT_CONFIG: path },
    });
    assert.match(stderr, message);
    assert.match(stderr, /^podfreight: [^\n]+\n$/);
    assert.deepEqual([stdout, ended], ['', code]);
  }
  assert.equal(readFileSync(config, 'utf8'), '{"cluster":"prod"}');
  assert.equal(readFileSync(broken, 'utf8'), '{"cluster":');
});
