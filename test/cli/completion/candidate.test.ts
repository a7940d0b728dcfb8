import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitting } from '../../../cli/completion/candidate.ts';

test('prevents names of the catalogue from being code to a shell', () => {
  const names = [
    'a/$(reboot)',
    'a/`id`',
    'a/b c',
    'a/x;y',
    'a/"',
    "a/'",
    'a/\n:files',
    'a/\x1b[2J',
    'a/*',
    'a/\u202eb',
    'a\\b',
  ];
  const candidates = names.map((value) => ({ value, about: '' }));
  assert.deepEqual(fitting(candidates, '').candidates, []);
});

test('allows what pods, nodes and images are called, each once', () => {
  const names = ['default/my-redis', 'quay.io/a/b:1.0@sha256:0f', 'n1.example', 'default/my-redis', 'other'];
  const candidates = names.map((value) => ({ value, about: '' }));
  assert.deepEqual(
    fitting(candidates, 'd', '--pod=').candidates.map(({ value }) => value),
    ['--pod=default/my-redis'],
  );
  assert.equal(fitting(candidates, '').candidates.length, 4);
});
