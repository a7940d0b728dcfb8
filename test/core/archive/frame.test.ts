import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { compressFrame, decompressFrame } from '../../../core/archive/frame.ts';
import { FrameWalk } from '../../../core/archive/frame-walk.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { content } from './sample.ts';

const BYTES = content(300_000);

function lengthOf(bytes: Buffer, chunkBytes = bytes.length): number | undefined {
  const walk = new FrameWalk('x');
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const end = walk.push(bytes.subarray(0, Math.min(at + chunkBytes, bytes.length)), at);
    if (walk.done) return end;
  }
  return undefined;
}

test('a frame is found to end where it does, whatever the chunks and whatever follows', async () => {
  const frames = [
    await compressFrame(BYTES),
    await compressFrame(Buffer.alloc(5_000_000)),
    await compressFrame(Buffer.alloc(0)),
    await compressFrame(Buffer.from('x'), 19),
    zlib.zstdCompressSync(BYTES),
    zlib.zstdCompressSync(zlib.gzipSync(BYTES)),
    Buffer.from('572a4d1803000000616263', 'hex'),
    Buffer.from('5e2a4d1800000000', 'hex'),
  ];
  for (const frame of frames) {
    const followed = Buffer.concat([frame, Buffer.from('something')]);
    for (const size of [1, 7, 321, 4096, followed.length]) assert.equal(lengthOf(followed, size), frame.length);
    assert.equal(lengthOf(frame.subarray(0, -1)), undefined);
  }
});

test('the same bytes give the same frame, with size and checksum, and come back', async () => {
  const frame = await compressFrame(BYTES);
  assert.ok(frame.equals(await compressFrame(BYTES)));
  const walk = new FrameWalk('x');
  walk.push(frame);
  assert.equal(walk.contentBytes, BYTES.length);
  assert.equal(frame[4]! & 0b100, 0b100, 'checksum flag');
  assert.ok((await decompressFrame(frame, BYTES.length, 'x')).equals(BYTES));
});

test('prevents every flipped bit', async () => {
  const bytes = content(400);
  const frame = await compressFrame(bytes);
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const flipped = Buffer.from(frame);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const result = await decompressFrame(flipped, bytes.length, 'x').catch((error) => error);
    if (isPodfreightError(result, 'invalid-archive', 'corrupt-archive', 'unsupported')) continue;
    // The window descriptor's size and the unused bit of the descriptor say nothing about the content.
    assert.ok(Buffer.isBuffer(result) && result.equals(bytes), `bit ${bit}`);
  }
});

for (const [what, bytes, sizeBytes] of [
  ['two frames', Buffer.concat([zlib.zstdCompressSync('ab'), zlib.zstdCompressSync('cd')]), 2],
  ['a cut frame', zlib.zstdCompressSync('abcd').subarray(0, -1), 4],
  ['a skippable frame', Buffer.from('572a4d1803000000616263', 'hex'), 0],
  ['another size than expected', zlib.zstdCompressSync('abcd'), 3],
  ['no frame', Buffer.from('hello, this is no frame'), 5],
  ['a block of the reserved type', Buffer.from('28b52ffd2001070000', 'hex'), 1],
] as const) {
  test(`prevents ${what}`, () => assert.rejects(decompressFrame(bytes, sizeBytes, 'x'), { code: 'invalid-archive' }));
}

test('prevents more content than was announced, though the frame does not say how much it has', async () => {
  const stream = zlib.createZstdCompress();
  stream.write(Buffer.alloc(100_000));
  stream.end(Buffer.alloc(100_000));
  const wire = Buffer.concat(await stream.toArray());
  // Node ends such a stream with an empty frame.
  const frame = wire.subarray(0, lengthOf(wire));
  await assert.rejects(decompressFrame(frame, 1000, 'x'), { code: 'corrupt-archive' });
  await assert.rejects(decompressFrame(frame, 300_000, 'x'), {
    code: 'invalid-archive',
    message: /200000 bytes instead/,
  });
});

test('what needs a dictionary, or too much memory, is unsupported', async () => {
  const withDictionary = Buffer.from('28b52ffd2101010100006100', 'hex');
  const hugeWindow = Buffer.from('28b52ffd00a00100006100', 'hex');
  for (const frame of [withDictionary, hugeWindow]) {
    await assert.rejects(decompressFrame(frame, 1, 'x'), { code: 'unsupported' });
  }
});

test('whatever the bytes, they are decoded or refused', async () => {
  const head = Buffer.from('28b52ffd', 'hex');
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
      const result = await decompressFrame(Buffer.concat([head, bytes]), 50, 'x').catch((error) => error);
      assert.ok(Buffer.isBuffer(result) || isPodfreightError(result), String(result));
    }),
  );
});
