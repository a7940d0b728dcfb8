import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FRAME_BYTES } from '../../core/archive/format.ts';
import { frameBound } from '../../core/archive/frame.ts';
import { archiveHead, archiveTail, relocate, TAIL_BYTES } from '../../core/archive/index.ts';
import type { IndexedFormat } from '../../core/archive/index-json.ts';
import { type IndexedMember, tarBytes } from '../../core/archive/member.ts';
import { openArchive } from '../../core/archive/reader.ts';
import { formatManifest } from '../../core/manifest/manifest.ts';
import type { ObjectSource } from '../../core/ports.ts';
import { type ByteRange, rangeLength } from '../../core/range.ts';
import { trailerHint, withTrailer } from '../../core/trailer-hint.ts';
import { manifestOf } from './catalogue/archives.ts';

interface Sketch {
  /** Manifest and trailer are there, the pods between them are not. */
  readonly object: ObjectSource;
  readonly trailerBytes: number;
  readonly reads: ByteRange[];
}

/** An archive of pods of these sizes, whose frames are as long as frames can be; `told` where its hint shall be another. */
async function sketch(sizes: readonly number[], format: IndexedFormat, told?: string): Promise<Sketch> {
  const pods = sizes.map((sizeBytes, i) => ({ sandboxId: `${i}`.padStart(128, 'x'), sizeBytes }));
  const head = await archiveHead(formatManifest(manifestOf(pods)), format, new Date(0));
  const members: IndexedMember[] = [head.member];
  for (const { sandboxId, sizeBytes } of pods) {
    const total = tarBytes({ headerBytes: 512, sizeBytes });
    const frames = Array.from({ length: Math.ceil(total / FRAME_BYTES) }, () => frameBound(FRAME_BYTES));
    const length = format === 'tar' ? total : frames.reduce((sum, frame) => sum + frame, 0);
    const member = {
      name: `${sandboxId}.tar`,
      sizeBytes,
      modifiedAt: new Date('2026-11-22T13:20:00Z'),
      sha256: 'f'.repeat(64),
      headerBytes: 512,
      wire: { start: 0, end: length },
      wireCrc32: 0xffffffff,
      ...(format === 'tar+zstd' && { frames }),
    };
    members.push(relocate(member, members.at(-1)!.wire.end));
  }
  const trailer = await archiveTail(members, format);
  const trailerStart = members.at(-1)!.wire.end;
  const hint = trailerHint({
    sandboxIds: pods.map(({ sandboxId }) => sandboxId),
    contentBytes: sizes.reduce((sum, size) => sum + size, 0),
  });
  const metadata = told === undefined ? hint : { [Object.keys(hint)[0]!]: told };

  const reads: ByteRange[] = [];
  async function read(range: ByteRange): Promise<Buffer> {
    if (rangeLength(range) > 0) reads.push(range);
    const bytes = Buffer.alloc(rangeLength(range));
    bytes.set(head.bytes.subarray(range.start, range.end));
    const held = trailer.subarray(Math.max(0, range.start - trailerStart), Math.max(0, range.end - trailerStart));
    bytes.set(held, bytes.length - held.length);
    return bytes;
  }
  const object: ObjectSource = {
    name: 's3://archives/sketch',
    location: { bucket: 'archives', key: 'sketch' },
    etag: '"sketch"',
    modifiedAt: new Date(0),
    sizeBytes: trailerStart + trailer.length,
    metadata,
    read,
    async *stream(range) {
      yield await read(range);
    },
    async close() {},
  };
  return { object, trailerBytes: trailer.length, reads };
}

async function countPods({ object }: Sketch): Promise<number | undefined> {
  const archive = await openArchive(await withTrailer(object));
  const { manifest } = await archive.manifest();
  assert.equal(archive.index?.members.length, (manifest.pods?.length ?? 0) + 1);
  return manifest.pods?.length;
}

const format = fc.constantFrom<IndexedFormat>('tar', 'tar+zstd');
const size = fc.oneof(
  fc.nat(10_000),
  fc.nat(2 ** 31 - 1),
  fc.nat(2 ** 31 - 1).map((n) => n * 8),
);

test('two reads tell what is in an archive, up to terabytes', async () => {
  const property = fc.asyncProperty(fc.array(size, { maxLength: 100 }), format, async (sizes, format) => {
    const sketched = await sketch(sizes, format);
    assert.equal(await countPods(sketched), sizes.length);
    assert.ok(sketched.reads.length <= 2, JSON.stringify(sketched.reads));
  });
  await fc.assert(property, { numRuns: 25 });
});

for (const format of ['tar', 'tar+zstd'] as const) {
  test(`two reads tell what is in an archive of 10,000 pods as ${format}`, async () => {
    const sketched = await sketch(
      Array.from({ length: 10_000 }, () => 3_000_000),
      format,
    );
    assert.equal(await countPods(sketched), 10_000);
    assert.equal(sketched.reads.length, 2, JSON.stringify(sketched.reads));
    assert.ok(sketched.trailerBytes > 10 * TAIL_BYTES);
  });
}

test('of an archive of one pod, no more than 64 KiB of its end is read', async () => {
  const sketched = await sketch([8 * 1024 ** 3], 'tar+zstd');
  await countPods(sketched);
  assert.deepEqual(sketched.reads.map(rangeLength)[0], TAIL_BYTES);
});

test('a hint that says nothing sensible does no harm', async () => {
  const sizes = Array.from({ length: 300 }, () => 1000);
  for (const told of ['', '-1', 'x', 'NaN', '1e4', '70000.5', '1e300', 'Infinity']) {
    const sketched = await sketch(sizes, 'tar', told);
    assert.equal(await countPods(sketched), sizes.length, told);
  }
});
