import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openCheckpoint } from '../../../core/checkpoint/checkpoint.ts';
import { localS3 } from '../../aws/local-s3.ts';
import { sampleContainer } from '../../checkpoint-samples/container.ts';
import { crioArchive } from '../../checkpoint-samples/cri-o.ts';
import { PieceSource } from '../../checkpoint-samples/pieces.ts';

test('in S3 a look at a container archive takes a handful of GETs, and none of its memory pages', async () => {
  await using s3 = await localS3();
  const sample = sampleContainer({ processes: 1, pagesBytes: 48 * 1024 * 1024, logBytes: 200_000 });
  const file = new PieceSource(crioArchive(sample));
  const location = { bucket: 'archives', key: 'prod/node-1/counter.tar' };
  const whole = { start: 0, end: file.sizeBytes };
  await s3.store.put(location, file.stream(whole), { sizeBoundBytes: file.sizeBytes });
  const source = await s3.store.open(location);
  const before = s3.requests.length;
  const looked = await openCheckpoint(source);
  const gets = s3.requests.slice(before);
  assert.ok(looked.kind === 'container');
  assert.equal(looked.container.identity.podName, 'counters');
  assert.equal(looked.container.endsAt, file.sizeBytes);
  assert.ok(gets.length <= 8, `${gets.length} requests`);
  const received = gets.reduce((sum, { bytesOut }) => sum + bytesOut, 0);
  assert.ok(received < 200_000, `${received} bytes`);
  await source.close();
});
