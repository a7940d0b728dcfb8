import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectEvent } from '../../core/catalogue/object-event.ts';
import { parseObjectEvent } from '../../lambda/object-event.ts';
import { eventBridgeBody } from './invocation.ts';

const EVENT: ObjectEvent = {
  kind: 'created',
  bucket: 'archives',
  key: 'prod/node 1+2%/ä/20261122T132000Z.tar.zst',
  versionId: 'v1',
  sequencer: '00617F08299329D189',
  at: '2026-11-22T13:20:05Z',
};

test('reads events of S3 as they are, keys unchanged', () => {
  const { versionId: _, ...unversioned } = EVENT;
  for (const event of [EVENT, unversioned, { ...EVENT, kind: 'deleted' as const }]) {
    assert.deepEqual(parseObjectEvent(eventBridgeBody(event)), event);
  }
});

test('refuses any other message', () => {
  const event = JSON.parse(eventBridgeBody(EVENT));
  const { detail } = event;
  const others: unknown[] = [
    null,
    'text',
    [],
    {},
    { Records: [{ eventSource: 'aws:s3', s3: {} }] },
    { ...event, source: 'my.app' },
    { ...event, 'detail-type': 'Object Restore Completed' },
    { ...event, time: 'noon' },
    { ...event, detail: null },
    { ...event, detail: { ...detail, bucket: {} } },
    { ...event, detail: { ...detail, object: { ...detail.object, key: '' } } },
    { ...event, detail: { ...detail, object: { ...detail.object, key: 7 } } },
    { ...event, detail: { ...detail, object: { ...detail.object, sequencer: undefined } } },
    { ...event, detail: { ...detail, object: { ...detail.object, sequencer: 'zz' } } },
  ];
  for (const other of others) {
    assert.throws(() => parseObjectEvent(JSON.stringify(other)), { code: 'usage' }, JSON.stringify(other));
  }
  assert.throws(() => parseObjectEvent('{"source":'), { code: 'usage' });
});
