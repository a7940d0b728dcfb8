import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen, parseListen } from '../../../cli/agent/endpoint.ts';
import { Log } from '../../../cli/agent/log.ts';
import { Metrics } from '../../../cli/agent/metrics.ts';
import { PodfreightError } from '../../../core/errors.ts';

test('the text is what Prometheus reads', () => {
  const metrics = new Metrics();
  metrics.set('up', 1);
  metrics.add('failures_total', 1, 'unreachable');
  metrics.add('failures_total', 1, 'unreachable');
  const lines = metrics.text().trimEnd().split('\n');
  assert.ok(lines.includes('podfreight_agent_up 1'));
  assert.ok(lines.includes('podfreight_agent_failures_total{code="unreachable"} 2'));
  const names = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', type = ''] = /^# TYPE (podfreight_agent_[a-z_]+) (counter|gauge)$/.exec(line) ?? [];
    if (name !== '') names.set(name, type);
    else if (!line.startsWith('# HELP ')) {
      const [, used = ''] = /^([a-z_]+)(?:\{[a-z]+="[a-z-]+"\})? -?[\d.e+-]+$/.exec(line) ?? [];
      assert.ok(names.has(used), line);
      assert.equal(names.get(used) === 'counter', used.endsWith('_total'), line);
    }
  }
  assert.ok(metrics.text().endsWith('\n'));
});

test('/metrics, /healthz, and nothing else', async () => {
  let illness: string | undefined;
  await using endpoint = await listen(parseListen('127.0.0.1:0')!, { metrics: () => 'x 1\n', illness: () => illness });
  const get = async (path: string, method = 'GET') => {
    // A connection that is kept may be closed just when it is used again.
    const response = await fetch(endpoint.url + path, { method, headers: { connection: 'close' } });
    return [response.status, await response.text(), response.headers.get('content-type')];
  };
  assert.deepEqual(await get('/metrics'), [200, 'x 1\n', 'text/plain; version=0.0.4; charset=utf-8']);
  assert.deepEqual((await get('/healthz')).slice(0, 2), [200, 'ok\n']);
  illness = 'no sign of life for 400 s';
  assert.deepEqual((await get('/healthz')).slice(0, 2), [503, 'no sign of life for 400 s\n']);
  assert.equal((await get('/'))[0], 404);
  assert.equal((await get('/metrics', 'POST'))[0], 405);
  const port = Number(new URL(endpoint.url).port);
  await assert.rejects(listen({ host: '127.0.0.1', port }, { metrics: () => '', illness: () => undefined }), {
    code: 'conflict',
  });
});

test('addresses to listen on', () => {
  assert.deepEqual(parseListen('127.0.0.1:9464'), { host: '127.0.0.1', port: 9464 });
  assert.deepEqual(parseListen('[::]:9464'), { host: '::', port: 9464 });
  assert.deepEqual(parseListen(':80'), { host: '::', port: 80 });
  for (const text of ['', '9464', 'a:b', 'host:99999', 'a b:1', '::1:80'])
    assert.equal(parseListen(text), undefined, text);
});

test('log lines: JSON for machines, one safe line for a person', () => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  new Log('json', write).info('Shipped.', { file: 'a\u202eb\n', bytes: 3 });
  const { time, ...rest } = JSON.parse(lines[0]!);
  assert.deepEqual(rest, { level: 'info', message: 'Shipped.', file: 'a\u202eb\n', bytes: 3 });
  assert.ok(!lines[0]!.includes('\u202e') && lines[0]!.indexOf('\n') === lines[0]!.length - 1);
  assert.equal(new Date(time).toISOString(), time);
  new Log('text', write).failure('warn', new PodfreightError('io', 'Cannot.'), { file: '\x1b[31m' });
  assert.match(lines[1]!, /^\d\d:\d\d:\d\d warn {2}Cannot\. {2}code=io {2}file=\\x1b\[31m\n$/);
  new Log('json', write).failure('error', new TypeError('x is undefined'));
  assert.match(JSON.parse(lines[2]!).message, /report it: TypeError: x is undefined/);
});
