import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { podfreight } from './podfreight.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'eu-west-1' };

for (const [words, lines] of [
  [['pus'], ['push\tpush checkpoints to S3']],
  [['nothing', ''], []],
  [[], []],
  [
    ['completion', ''],
    ['bash\t', 'zsh\t', 'fish\t'],
  ],
  [
    ['insert', '--on-conflict=re'],
    ['--on-conflict=refuse\t', '--on-conflict=replace\t'],
  ],
  [['insert', '-i', 'a', '-o'], []],
  [['show', '-t', ''], [':files']],
  [['show', 'a', ''], [':files']],
  [['insert', 'a', ''], []],
  [['pull', '--', '--p'], []],
] as const) {
  test(`podfreight complete -- ${words.join(' ')}`, async () => {
    const { stdout, stderr, code } = await podfreight(['complete', '--', ...words]);
    if (words.length > 0) assert.deepEqual(stdout.split('\n').slice(0, -1), lines);
    assert.deepEqual([stderr, code], ['', 0]);
  });
}

test('podfreight complete -- list --  # flags with what they are', async () => {
  const { stdout } = await podfreight(['complete', '--', 'list', '--s']);
  assert.deepEqual(
    stdout.split('\n').map((line) => line.split('\t')[0]),
    ['--sandbox-id', '--since', '--show-sandbox-id', ''],
  );
});

test('podfreight complete -- bundle --region e  # the regions that are set', async () => {
  const place = { archivesBucket: 'a', bundlesBucket: 'b' };
  const PODFREIGHT_REGIONS = JSON.stringify({ 'eu-central-1': place, 'us-east-1': place, 'eu-west-1': place });
  const { stdout, code } = await podfreight(['complete', '--', 'bundle', '--region', 'e'], {
    env: { PODFREIGHT_REGIONS },
  });
  assert.deepEqual([stdout, code], ['eu-central-1\t\neu-west-1\t\n', 0]);
});

test('is silent when there is no catalogue, no configuration or no answer', async (test) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const silent = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const env of [
    {},
    { PODFREIGHT_CONFIG: '/nonexistent/config.json' },
    { ...KEYS, PODFREIGHT_TABLE: 'catalogue', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
    { ...KEYS, PODFREIGHT_TABLE: 'catalogue', AWS_ENDPOINT_URL: silent },
  ]) {
    const begin = performance.now();
    const { stdout, stderr, code } = await podfreight(['complete', '--', 'pull', '--pod', ''], { env });
    assert.deepEqual([stdout, stderr, code], ['', '', 0]);
    assert.ok(performance.now() - begin < 30_000, 'a shell waits for it');
  }
});
