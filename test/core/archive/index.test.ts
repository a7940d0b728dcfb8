import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { crc32Combine } from '../../../core/archive/crc32.ts';
import { archiveHead, archiveTail, readIndex, relocate, TAIL_BYTES } from '../../../core/archive/index.ts';
import { encodeIndexFrame } from '../../../core/archive/index-frame.ts';
import { formatIndex } from '../../../core/archive/index-json.ts';
import type { IndexedMember } from '../../../core/archive/member.ts';
import { openArchive } from '../../../core/archive/reader.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { MemorySource } from './memory-source.ts';
import { archiveOf, content, MODIFIED_AT, manifestOf, readAll } from './sample.ts';

const PODS = { a1: content(700), b2: content(5_000_000, 2), c3: Buffer.alloc(0) };
const FORMATS = ['tar', 'tar+zstd'] as const;
const made = Object.fromEntries(
  await Promise.all(FORMATS.map(async (format) => [format, await archiveOf(PODS, format)])),
);
const small = Object.fromEntries(
  await Promise.all(FORMATS.map(async (format) => [format, await archiveOf({ a1: content(700) }, format)])),
);

for (const format of FORMATS) {
  test(`${format}: the index read from the end is the one the writer had, by one read of 64 KiB`, async () => {
    const { bytes, written } = made[format]!;
    const source = new MemorySource(bytes);
    assert.deepEqual(await readIndex(source), written.index());
    assert.deepEqual(source.reads, [{ start: bytes.length - TAIL_BYTES, end: bytes.length }]);
  });

  test(`${format}: wire ranges and CRC-32s are those of the bytes`, () => {
    const { bytes, written } = made[format]!;
    const { members, endOfTar } = written.index()!;
    let end = 0;
    let whole = 0;
    for (const { wire, wireCrc32, frames } of members) {
      assert.equal(wire.start, end);
      end = wire.end;
      assert.equal(wireCrc32, crc32(bytes.subarray(wire.start, wire.end)));
      if (frames)
        assert.equal(
          frames.reduce((sum: number, frame: number) => sum + frame, 0),
          wire.end - wire.start,
        );
      whole = crc32Combine(whole, wireCrc32, wire.end - wire.start);
    }
    assert.equal(endOfTar.start, end);
    const rest = bytes.subarray(end);
    assert.equal(crc32Combine(whole, crc32(rest), rest.length), crc32(bytes));
  });

  test(`${format}: a long index takes a second read, and no third`, async () => {
    const [, pod] = small[format]!.written.index()!.members as [IndexedMember, IndexedMember];
    const names = [...Array(1000).keys()].map((i) => `pod-${i}`);
    const head = await archiveHead(manifestOf(names), format, MODIFIED_AT);
    const members = [head.member];
    for (const name of names) members.push({ ...relocate(pod, members.at(-1)!.wire.end), name: `${name}.tar` });
    const tail = await archiveTail(members, format);
    const source = new MemorySource(Buffer.concat([Buffer.alloc(members.at(-1)!.wire.end), tail]));
    assert.deepEqual((await readIndex(source))?.members, members);
    assert.equal(source.reads.length, 2);
  });

  test(`${format}: an archive spliced from others is a whole archive`, async () => {
    const other = await archiveOf({ z9: content(9000, 7) }, format);
    const pieces = [
      { bytes: made[format]!.bytes, member: made[format]!.written.index()!.members[2]! },
      { bytes: other.bytes, member: other.written.index()!.members[1]! },
    ];
    const head = await archiveHead(manifestOf(['b2', 'z9']), format, MODIFIED_AT);
    const members = [head.member];
    const wire = [head.bytes];
    for (const { bytes, member } of pieces) {
      members.push(relocate(member, members.at(-1)!.wire.end));
      wire.push(bytes.subarray(member.wire.start, member.wire.end));
    }
    const bundle = Buffer.concat([...wire, await archiveTail(members, format)]);
    const archive = await openArchive(new MemorySource(bundle));
    assert.ok(archive.verified);
    const read = await readAll(archive);
    assert.deepEqual([...read.keys()], ['b2.tar', 'z9.tar']);
    assert.ok(read.get('b2.tar')!.equals(PODS.b2) && read.get('z9.tar')!.equals(content(9000, 7)));
    const direct = await archiveOf({ b2: PODS.b2, z9: content(9000, 7) }, format);
    assert.ok(bundle.equals(direct.bytes), 'as if it had been written at once');
  });

  test(`${format}: every flipped bit of the trailer is refused, or leaves an archive without an index`, async () => {
    const { bytes, written } = small[format]!;
    const { start } = written.index()!.endOfTar;
    for (let at = start; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at & 7);
      try {
        const archive = await openArchive(new MemorySource(flipped));
        const read = await readAll(archive);
        assert.ok(!archive.verified, `byte ${at} of ${bytes.length} from ${start}`);
        assert.ok(read.get('a1.tar')!.equals(content(700)));
      } catch (error) {
        assert.ok(isPodfreightError(error, 'invalid-archive', 'corrupt-archive', 'unsupported'), String(error));
      }
    }
  });

  test(`${format}: cut off anywhere, it is refused, or an archive without an index`, async () => {
    const { bytes, written } = small[format]!;
    const { end } = written.index()!.endOfTar;
    for (let length = 0; length < bytes.length; length++) {
      if (length < end - 1100 && length % 97 !== 0) continue;
      const source = new MemorySource(bytes.subarray(0, length));
      const read = await openArchive(source)
        .then(readAll)
        .catch((error) => error);
      if (length >= end && read instanceof Map) assert.ok(read.get('a1.tar')!.equals(content(700)));
      else assert.ok(isPodfreightError(read, 'invalid-archive'), `${length}: ${read}`);
    }
  });
}

test('gzip has no index', async () => {
  const { bytes, written } = await archiveOf({ a1: content(700) }, 'tar+gzip');
  assert.equal(written.index(), undefined);
  assert.equal(await readIndex(new MemorySource(bytes)), undefined);
  await assert.rejects(archiveTail([], 'tar+gzip'), { code: 'unsupported' });
  await assert.rejects(archiveHead(Buffer.from('{}'), 'tar+gzip', MODIFIED_AT), { code: 'unsupported' });
});

/** The plain archive with a trailer made of other JSON, its checksum right. */
function withJson(json: string): MemorySource {
  const { bytes, written } = small.tar!;
  return new MemorySource(Buffer.concat([bytes.subarray(0, written.index()!.endOfTar.end), encodeIndexFrame(json)]));
}

const honest = () => JSON.parse(formatIndex('tar', small.tar!.written.index()!.members));

test('allows the index made by hand, and keys it does not know', async () => {
  const index = { ...withPod(() => ({ signature: 'x' }))(honest()), future: { deep: [1] } };
  assert.ok(await readIndex(withJson(JSON.stringify(index))));
});

type Json = ReturnType<typeof honest>;

/** The index with something else in its second member. */
const withPod = (change: (pod: Json) => object) => (index: Json) => {
  const [manifest, pod] = index.members;
  return { ...index, members: [manifest, { ...pod, ...change(pod) }] };
};

const HOSTILE: Record<string, (index: Json) => unknown> = {
  'no object': () => [],
  null: () => null,
  'another format': (index) => ({ ...index, format: 'tar+zstd' }),
  'no members': (index) => ({ ...index, members: [] }),
  'members that are none': (index) => ({ ...index, members: { length: 1 } }),
  'too many members': (index) => ({ ...index, members: Array(100_001).fill(null) }),
  'a pod first': (index) => ({ ...index, members: index.members.toReversed() }),
  'a name twice': (index) => ({ ...index, members: [...index.members, index.members[1]] }),
  'a prototype': (index) => ({ __proto__: index }),
  'a way up': withPod(() => ({ name: '../a1.tar' })),
  'a name that is no string': withPod(() => ({ name: ['a1.tar'] })),
  'a second manifest': withPod(() => ({ name: 'checkpointed.pods' })),
  'a gap': withPod(({ wire }) => ({ wire: { start: wire.start + 512, end: wire.end + 512 } })),
  'an overlap': withPod(({ wire }) => ({ wire: { start: wire.start - 512, end: wire.end - 512 } })),
  'a negative start': withPod(({ wire }) => ({ wire: { start: -512, end: wire.end } })),
  'an end before the start': withPod(({ wire }) => ({ wire: { start: wire.start, end: 0 } })),
  'an end beyond the object': withPod(({ wire }) => ({ wire: { start: wire.start, end: 2 ** 50 } })),
  'no wire range': withPod(({ wire }) => ({ wire: [wire.start, wire.end] })),
  'a member that ends beyond the object': withPod(({ wire }) => ({
    sizeBytes: 700 + 512 * 1000,
    wire: { start: wire.start, end: wire.end + 512 * 1000 },
  })),
  'a fraction': withPod(() => ({ sizeBytes: 700.5 })),
  'a size beyond 2^53': withPod(() => ({ sizeBytes: 2 ** 60 })),
  'a size as a string': withPod(() => ({ sizeBytes: '700' })),
  'another size': withPod(() => ({ sizeBytes: 2000 })),
  'too long headers': withPod(() => ({ headerBytes: 2 ** 21 })),
  'no headers': withPod(() => ({ headerBytes: 0 })),
  'a short digest': withPod(() => ({ sha256: 'ab' })),
  'a digest in capitals': withPod(({ sha256 }) => ({ sha256: sha256.toUpperCase() })),
  'a CRC-32 beyond 32 bits': withPod(() => ({ wireCrc32: 2 ** 32 })),
  'a time that is none': withPod(() => ({ modifiedAt: 'yesterday' })),
  'a time with a fraction': withPod(() => ({ modifiedAt: '2026-11-22T13:25:02.500Z' })),
};

for (const [what, change] of Object.entries(HOSTILE)) {
  test(`prevents an index with ${what}`, async () => {
    const json = JSON.stringify(change(honest()));
    await assert.rejects(readIndex(withJson(json)), { code: 'invalid-archive', message: /its index/ });
  });
}

test('prevents an index with an overlap between members that end where they should', async () => {
  const { bytes, written } = made.tar!;
  const index = JSON.parse(formatIndex('tar', written.index()!.members));
  const { wire } = index.members[1];
  index.members[1].wire = { start: wire.start - 512, end: wire.end - 512 };
  const trailer = encodeIndexFrame(JSON.stringify(index));
  const source = new MemorySource(Buffer.concat([bytes.subarray(0, written.index()!.endOfTar.end), trailer]));
  await assert.rejects(readIndex(source), { code: 'invalid-archive', message: /broken entry for member 2/ });
});

for (const [what, json, message] of [
  ['no JSON', '{"format":', /no JSON/],
  ['a deep one', '['.repeat(400_000), /no JSON/],
  ['one of very many values', '['.repeat(1_000_000), /too many values/],
] as const) {
  test(`prevents an index that is ${what}`, async () => {
    await assert.rejects(readIndex(withJson(json)), { code: 'invalid-archive', message });
  });
}

test('an index that lies about content is found out when the content is read', async () => {
  for (const change of [
    { sha256: '0'.repeat(64) },
    { sizeBytes: 701 },
    { modifiedAt: '2020-01-01T00:00:00.000Z' },
    { name: 'other.tar' },
  ]) {
    const archive = await openArchive(withJson(JSON.stringify(withPod(() => change)(honest()))));
    await assert.rejects(readAll(archive), (error) => isPodfreightError(error, 'invalid-archive', 'corrupt-archive'));
  }
});

test('a newer index is unsupported, and the message says what to do', async () => {
  const bytes = Buffer.from(small.tar!.bytes);
  bytes.writeUInt32LE(2, bytes.length - 12);
  await assert.rejects(readIndex(new MemorySource(bytes)), {
    code: 'unsupported',
    message: /newer podfreight.*update/,
  });
});

test('whatever the trailer holds, it is read or refused', async () => {
  const { bytes } = small['tar+zstd']!;
  const change = fc.tuple(fc.nat(1100), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 5 }), async (changes) => {
      const damaged = Buffer.from(bytes);
      for (const [back, value] of changes) damaged[bytes.length - 1 - (back % bytes.length)] = value;
      try {
        await readIndex(new MemorySource(damaged));
      } catch (error) {
        assert.ok(isPodfreightError(error), String(error));
      }
    }),
  );
});
