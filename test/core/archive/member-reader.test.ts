import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { contentOf, framesOf } from '../../../core/archive/frame-run.ts';
import type { KeptContent } from '../../../core/archive/member-reader.ts';
import { openArchive } from '../../../core/archive/reader.ts';
import type { ReadPace } from '../../../core/ports.ts';
import type { ByteRange } from '../../../core/range.ts';
import { MemorySource } from './memory-source.ts';
import { archiveOf, collect, content } from './sample.ts';

const MiB = 1024 * 1024;
const FORMATS = ['tar', 'tar+zstd'] as const;
const PODS = { a1: content(9 * MiB + 5, 1), b2: content(700, 2), c3: content(5 * MiB, 3), d4: Buffer.alloc(0) };

/** Fills the memory that it is given, and tells how much is under way. */
class PacedSource extends MemorySource {
  readonly pace: ReadPace;
  underWayBytes = 0;
  most = { bytes: 0, reads: 0 };
  #reads = 0;

  constructor(bytes: Buffer, pace: ReadPace) {
    super(bytes);
    this.pace = pace;
  }

  override async read(range: ByteRange, into?: Buffer): Promise<Buffer> {
    const length = range.end - range.start;
    this.underWayBytes += length;
    this.#reads += 1;
    this.most = { bytes: Math.max(this.most.bytes, this.underWayBytes), reads: Math.max(this.most.reads, this.#reads) };
    await sleep(1);
    const bytes = await super.read(range);
    this.underWayBytes -= length;
    this.#reads -= 1;
    if (into === undefined) return bytes;
    bytes.copy(into);
    return into.subarray(0, length);
  }
}

for (const format of FORMATS) {
  test(`${format}: chunks that are good only for their turn are right in it`, async () => {
    const { bytes } = await archiveOf(PODS, format);
    const source = new PacedSource(bytes, { readBytes: MiB, windowBytes: 4 * MiB });
    const read = new Map<string, Buffer>();
    for await (const { member, data, sha256 } of (await openArchive(source)).members(undefined, { fleeting: true })) {
      assert.match(sha256!, /^[0-9a-f]{64}$/);
      const chunks: Buffer[] = [];
      for await (const chunk of data) {
        await setImmediate(); // what reads ahead must leave it alone
        chunks.push(Buffer.from(chunk));
      }
      read.set(member.name, Buffer.concat(chunks));
    }
    for (const [id, pod] of Object.entries(PODS)) assert.ok(read.get(`${id}.tar`)!.equals(pod), id);
  });

  test(`${format}: several reads are under way, and no more bytes than the source wants`, async () => {
    const { bytes } = await archiveOf(PODS, format);
    const pace = { readBytes: MiB / 2, windowBytes: 6 * MiB };
    const source = new PacedSource(bytes, pace);
    for await (const { data } of (await openArchive(source)).members()) await collect(data);
    assert.ok(source.most.bytes <= pace.windowBytes, `${source.most.bytes}`);
    assert.ok(source.most.reads >= 2, `${source.most.reads}`);
  });

  test(`${format}: many small members come with few reads, in their order`, async () => {
    const pods = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`pod${i}`, content(3000, i + 1)]));
    const { bytes } = await archiveOf(pods, format);
    const source = new PacedSource(bytes, { readBytes: MiB, windowBytes: 8 * MiB });
    const archive = await openArchive(source);
    await archive.manifest();
    source.reads.length = 0;
    const names: string[] = [];
    for await (const { member, data } of archive.members()) {
      names.push(member.name);
      assert.ok((await collect(data)).equals(pods[member.name.slice(0, -4)]!));
    }
    assert.deepEqual(
      names,
      Object.keys(pods).map((id) => `${id}.tar`),
    );
    assert.ok(source.reads.length <= 3, `${source.reads.length} reads`);
  });

  test(`${format}: of what was kept nothing is fetched, unless it is no longer what it was`, async () => {
    const { bytes, written } = await archiveOf(PODS, format);
    const a1 = written.index()!.members[1]!;
    const [, second, third] = [...framesOf(a1)];
    const kept = [second!, third!];
    const damaged = new Set([third!]);
    const isSame = (one: ByteRange, other: ByteRange) => one.start === other.start && one.end === other.end;
    const find = (name: string, range: ByteRange) =>
      kept.find((frame) => name === 'a1.tar' && isSame(contentOf(frame), range));
    const keeper: KeptContent = {
      has: (name, range) => find(name, range) !== undefined,
      async read(name, range) {
        const frame = find(name, range)!;
        return damaged.has(frame) ? undefined : Buffer.from(PODS.a1.subarray(range.start, range.end));
      },
    };
    for (const fleeting of [false, true]) {
      const source = new PacedSource(bytes, { readBytes: 8 * MiB, windowBytes: 16 * MiB });
      const archive = await openArchive(source);
      const wanted = new Set(['a1.tar']);
      for await (const { data } of archive.members(wanted, { kept: keeper, fleeting })) {
        const chunks: Buffer[] = [];
        for await (const chunk of data) chunks.push(Buffer.from(chunk));
        assert.ok(Buffer.concat(chunks).equals(PODS.a1));
      }
      const overlaps = ({ start, end }: ByteRange) => source.reads.some((read) => read.start < end && start < read.end);
      assert.ok(!overlaps(second!.wire));
      assert.ok(source.reads.some((read) => isSame(read, third!.wire)));
    }
  });

  test(`${format}: kept content that is wrong is noticed`, async () => {
    const { bytes } = await archiveOf(PODS, format);
    const keeper: KeptContent = { has: (name) => name === 'b2.tar', read: async () => content(700, 9) };
    const archive = await openArchive(new MemorySource(bytes));
    const members = archive.members(undefined, { kept: keeper });
    await assert.rejects(
      async () => {
        for await (const { data } of members) await collect(data);
      },
      { code: 'corrupt-archive', message: /"b2\.tar" does not have the SHA-256/ },
    );
  });
}

test('a member that is left half-read does not disturb the next one', async () => {
  const { bytes } = await archiveOf(PODS, 'tar+zstd');
  const source = new PacedSource(bytes, { readBytes: MiB, windowBytes: 4 * MiB });
  const names: string[] = [];
  for await (const { member, data } of (await openArchive(source)).members(undefined, { fleeting: true })) {
    names.push(member.name);
    if (member.name === 'c3.tar') assert.ok((await collect(data)).equals(PODS.c3));
    else for await (const _ of data) break;
  }
  assert.equal(names.length, 4);
});

test('leaving early waits for the reads under way', async () => {
  const { bytes } = await archiveOf(PODS, 'tar');
  const source = new PacedSource(bytes, { readBytes: MiB, windowBytes: 8 * MiB });
  for await (const { data } of (await openArchive(source)).members()) {
    for await (const _ of data) break;
    break;
  }
  assert.equal(source.underWayBytes, 0);
});
