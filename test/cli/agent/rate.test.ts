import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atRate, Rate } from '../../../cli/agent/rate.ts';
import { isPodfreightError, PodfreightError } from '../../../core/errors.ts';
import type { ArchiveStore, StoredObject } from '../../../core/ports.ts';

test('no more goes than the rate allows, and all of it', async () => {
  const rate = new Rate(1000 * 1000);
  const begunAt = performance.now();
  for (let i = 0; i < 10; i++) await rate.take(100_000);
  const seconds = (performance.now() - begunAt) / 1000;
  assert.ok(seconds > 0.7, `${seconds} s for 1 MB at 1 MB/s`);
});

test('whoever stops while he waits ends with the reason to stop', async () => {
  const controller = new AbortController();
  const store = {
    put: async (_: unknown, body: AsyncIterable<Buffer>) => {
      for await (const _ of body);
      return {} as StoredObject;
    },
  } as unknown as ArchiveStore;
  async function* body() {
    for (;;) yield Buffer.alloc(1000);
  }
  const put = atRate(store, new Rate(10)).put({ bucket: 'b', key: 'k' }, body(), {
    sizeBoundBytes: 1,
    signal: controller.signal,
  });
  setTimeout(() => controller.abort(new PodfreightError('interrupted', 'Stopped by SIGTERM.')), 20);
  await assert.rejects(put, (error) => isPodfreightError(error, 'interrupted'));
});
