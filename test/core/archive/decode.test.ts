import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { decode } from '../../../core/archive/decode.ts';
import { compressFrame } from '../../../core/archive/frame.ts';
import { collect, content, inChunks } from './sample.ts';

const A = content(400_000, 1);
const B = content(150_000, 2);
const skippable = (text: string) => {
  const frame = Buffer.concat([Buffer.from('502a4d1800000000', 'hex'), Buffer.from(text)]);
  frame.writeUInt32LE(text.length, 4);
  return frame;
};
/** Without its content's size in the header. */
async function streamed(bytes: Buffer): Promise<Buffer> {
  const stream = zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } });
  stream.write(bytes.subarray(0, 1000));
  stream.end(bytes.subarray(1000));
  return Buffer.concat(await stream.toArray());
}

const frameA = await compressFrame(A);
const frameB = await compressFrame(B);
const longA = await streamed(A);
const SIZES = [321, 4096, 1 << 20];

const ZSTD: Record<string, readonly [wire: Buffer[], content: Buffer[]]> = {
  'one frame': [[frameA], [A]],
  'two frames': [
    [frameA, frameB],
    [A, B],
  ],
  'a frame that does not tell its size': [[longA], [A]],
  'frames with and without a size': [
    [frameB, longA, frameB, frameB, longA],
    [B, A, B, B, A],
  ],
  'skippable frames in the middle and at the end': [
    [frameB, skippable('middle'), skippable(''), longA, skippable('x'.repeat(100_000))],
    [B, A],
  ],
  'many small frames': [Array(200).fill(zlib.zstdCompressSync('abc')), [Buffer.from('abc'.repeat(200))]],
  'an empty frame': [[zlib.zstdCompressSync(''), frameB], [B]],
};

for (const [what, [wire, expected]] of Object.entries(ZSTD)) {
  test(`zstd: ${what}, in chunks of any size`, async () => {
    const bytes = Buffer.concat(wire);
    for (const size of SIZES) {
      const decoded = await collect(decode(inChunks(bytes, size), 'tar+zstd', 'x'));
      assert.ok(decoded.equals(Buffer.concat(expected)), `chunks of ${size}`);
    }
  });
}

test('zstd and gzip in chunks of one byte and of seven', async () => {
  const [a, b] = [content(5000), content(5000, 3)];
  const zstd = Buffer.concat([await compressFrame(a), skippable('s'), await streamed(b)]);
  const gzip = Buffer.concat([zlib.gzipSync(a), zlib.gzipSync(b)]);
  for (const size of [1, 7]) {
    for (const [bytes, format] of [
      [zstd, 'tar+zstd'],
      [gzip, 'tar+gzip'],
    ] as const) {
      const decoded = await collect(decode(inChunks(bytes, size), format, 'x'));
      assert.ok(decoded.equals(Buffer.concat([a, b])), format);
    }
  }
});

test('zstd cut off anywhere but between frames ends early', async () => {
  const bytes = Buffer.concat([frameB, skippable('middle'), longA]);
  const between = new Set([0, frameB.length, frameB.length + skippable('middle').length, bytes.length]);
  const cuts = [1, 3, 4, 5, 9, 100, frameB.length - 1, bytes.length - 1, bytes.length - 4, bytes.length - 5];
  for (let at = -12; at <= 30; at++) cuts.push(frameB.length + at);
  for (let at = frameB.length; at < bytes.length; at += 20_021) cuts.push(at);
  for (const cut of cuts.filter((at) => !between.has(at))) {
    await assert.rejects(
      collect(decode(inChunks(bytes.subarray(0, cut), 4096), 'tar+zstd', 'x')),
      { code: 'invalid-archive', message: /ends early, in the middle of a zstd frame/ },
      `cut at ${cut}`,
    );
  }
});

test('zstd followed by something else is refused', async () => {
  for (const extra of ['x', 'hello', '\0', zlib.gzipSync('x')]) {
    const bytes = Buffer.concat([frameB, Buffer.from(extra)]);
    await assert.rejects(collect(decode(inChunks(bytes, 4096), 'tar+zstd', 'x')), { code: 'invalid-archive' });
  }
});

test('zstd with a flipped bit is refused, in short and long frames', async () => {
  for (const frame of [frameB, longA]) {
    for (let at = 1000; at < frame.length; at += Math.floor(frame.length / 20)) {
      const flipped = Buffer.from(frame);
      flipped[at]! ^= 4;
      await assert.rejects(collect(decode(inChunks(flipped, 4096), 'tar+zstd', 'x')), (error: { code: string }) =>
        ['corrupt-archive', 'invalid-archive'].includes(error.code),
      );
    }
  }
});

test('leaving early in a long frame releases the source', async () => {
  let released = false;
  async function* chunks() {
    try {
      yield* inChunks(longA, 4096);
    } finally {
      released = true;
    }
  }
  for await (const _ of decode(chunks(), 'tar+zstd', 'x')) break;
  assert.ok(released);
});

const gzipA = zlib.gzipSync(A);
const gzipB = zlib.gzipSync(B);

test('gzip of one member and of several, in chunks of any size', async () => {
  for (const size of SIZES) {
    const one = await collect(decode(inChunks(gzipA, size), 'tar+gzip', 'x'));
    assert.ok(one.equals(A), `chunks of ${size}`);
    const two = await collect(decode(inChunks(Buffer.concat([gzipA, gzipB]), size), 'tar+gzip', 'x'));
    assert.ok(two.equals(Buffer.concat([A, B])), `chunks of ${size}`);
  }
});

test('gzip cut off anywhere ends early', async () => {
  for (const cut of [3, 9, 11, 1000, gzipB.length - 9, gzipB.length - 8, gzipB.length - 1]) {
    await assert.rejects(
      collect(decode(inChunks(gzipB.subarray(0, cut), 321), 'tar+gzip', 'x')),
      { code: 'invalid-archive', message: /ends early, in the middle of its gzip data/ },
      `cut at ${cut}`,
    );
  }
});

test('gzip followed by something else is refused', async () => {
  for (const extra of ['hello', '\0', '\0\0\0\0', Buffer.concat([Buffer.alloc(9), gzipB])]) {
    for (const size of [1, 321, 1 << 20]) {
      const bytes = Buffer.concat([zlib.gzipSync('abc'), Buffer.from(extra)]);
      await assert.rejects(collect(decode(inChunks(bytes, size), 'tar+gzip', 'x')), (error: { code: string }) =>
        ['corrupt-archive', 'invalid-archive'].includes(error.code),
      );
    }
  }
});

test('gzip with a flipped bit is refused', async () => {
  for (let at = 20; at < gzipB.length; at += Math.floor(gzipB.length / 20)) {
    const flipped = Buffer.from(gzipB);
    flipped[at]! ^= 4;
    await assert.rejects(collect(decode(inChunks(flipped, 4096), 'tar+gzip', 'x')), { code: 'corrupt-archive' });
  }
});
