import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import type { Segment } from '../../core/bundle/plan.ts';
import { planParts } from '../../core/bundle/plan-parts.ts';
import type { PodfreightError } from '../../core/errors.ts';
import type { ArchiveKeys, ArchiveStore, ByteSource, ObjectLocation } from '../../core/ports.ts';

const MiB = 1024 ** 2;

export interface StoreUnderTest {
  readonly store: ArchiveStore & ArchiveKeys;
  /** Exists, keeps no versions, and sees no writes but the suite's. */
  readonly bucket: string;
  /** Where it is. */
  readonly region?: string;
  /** What somebody else does behind the store's back. */
  overwrite(location: ObjectLocation, bytes: Buffer): Promise<void>;
  remove(location: ObjectLocation): Promise<void>;
  unfinishedUploads(): Promise<number>;
  close(): Promise<void>;
}

export async function* inChunks(bytes: Buffer, chunkBytes = 1_000_003): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, start + chunkBytes);
}

export async function readAll(source: ByteSource): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source.stream({ start: 0, end: source.sizeBytes })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A failed comparison of megabytes must not print them. */
export function assertSameBytes(actual: Buffer, expected: Buffer): void {
  const digest = (bytes: Buffer) => `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
  assert.equal(digest(actual), digest(expected));
}

/** What every {@link ArchiveStore} promises. */
export function archiveStoreContract(name: string, setUp: () => Promise<StoreUnderTest>): void {
  describe(`archive store: ${name}`, () => {
    let under: StoreUnderTest;
    let store: ArchiveStore & ArchiveKeys;
    let keys = 0;

    before(async () => {
      under = await setUp();
      store = under.store;
    });
    after(() => under.close());

    const newLocation = (): ObjectLocation => {
      keys += 1;
      return { bucket: under.bucket, key: `prod/node 1/+sandbox=${keys}/ä%41.tar.zst` };
    };
    const stored = async (bytes: Buffer) => {
      const location = newLocation();
      await store.put(location, inChunks(bytes), { sizeBoundBytes: bytes.length });
      return location;
    };
    const assertNothingAt = async (location: ObjectLocation) => {
      await assert.rejects(store.open(location), { code: 'not-found' });
      assert.equal(await under.unfinishedUploads(), 0);
    };

    it('opens objects with their ends at hand, whatever is read of them', async () => {
      for (const size of [0, 1, 999, 1000, 1001, 5000]) {
        const bytes = randomBytes(size);
        const location = await stored(bytes);
        for (const [start, end] of [
          [0, size],
          [Math.max(0, size - 1000), size],
          [Math.max(0, size - 500), Math.max(0, size - 200)],
          [Math.max(0, size - 1200), size],
          [0, Math.floor(size / 2)],
        ] as const) {
          const source = await store.open(location, { tailBytes: 1000 });
          const plain = await store.open(location);
          for (const told of ['sizeBytes', 'etag', 'modifiedAt', 'metadata', 'location', 'name'] as const) {
            assert.deepEqual(source[told], plain[told], `${told} of ${size} bytes`);
          }
          for (const time of ['first', 'second']) {
            assertSameBytes(await source.read({ start, end }), bytes.subarray(start, end));
            assertSameBytes(await readAll(source), bytes);
            assert.ok(time);
          }
          await source.close();
        }
      }
    });

    it('says of an object that is to be opened with its end what it says of any', async () => {
      const missing = newLocation();
      const location = await stored(Buffer.from('abc'));
      for (const [where, code] of [
        [missing, 'not-found'],
        [{ ...location, bucket: 'no-such-bucket' }, 'not-found'],
        [{ ...location, versionId: 'no-such-version' }, undefined],
      ] as const) {
        const [plain, tailed] = await Promise.all(
          [{}, { tailBytes: 1000 }].map((options) =>
            store.open(where, options).then(
              () => undefined,
              ({ code, message, subject }: PodfreightError) => ({ code, message, subject }),
            ),
          ),
        );
        assert.deepEqual(tailed, plain);
        if (code !== undefined) assert.equal(tailed?.code, code);
      }
    });

    for (const size of [0, 1, 16 * MiB, 16 * MiB + 1, 37 * MiB + 5]) {
      it(`stores and reads back ${size} bytes`, async () => {
        const bytes = randomBytes(size);
        const location = newLocation();
        let progress = 0;
        const result = await store.put(location, inChunks(bytes), {
          sizeBoundBytes: size,
          metadata: { 'podfreight-node': 'node-1' },
          onProgress: (more) => {
            progress += more;
          },
        });
        assert.equal(result.sizeBytes, size);
        assert.equal(progress, size);

        const source = await store.open(location);
        assert.equal(source.sizeBytes, size);
        assert.equal(source.etag, result.etag);
        assert.match(source.etag, /^".+"$/);
        assert.equal(source.name, `s3://${location.bucket}/${location.key}`);
        assert.deepEqual({ ...source.metadata }, { 'podfreight-node': 'node-1' });
        assert.ok(Math.abs(source.modifiedAt.getTime() - Date.now()) < 60_000);
        assertSameBytes(await readAll(source), bytes);
        await source.close();
        assert.equal(await under.unfinishedUploads(), 0);
      });
    }

    it('reads any range, whole and in order', async () => {
      const bytes = randomBytes(20 * MiB);
      const source = await store.open(await stored(bytes));
      const ranges = [
        [0, 0],
        [7, 7],
        [bytes.length, bytes.length],
        [0, 1],
        [bytes.length - 1, bytes.length],
        [3, 9 * MiB + 1],
        [0, bytes.length],
      ] as const;
      for (const [start, end] of ranges) {
        assertSameBytes(await source.read({ start, end }), bytes.subarray(start, end));
        const chunks: Buffer[] = [];
        for await (const chunk of source.stream({ start, end })) chunks.push(chunk);
        assertSameBytes(Buffer.concat(chunks), bytes.subarray(start, end));
      }
    });

    it('says where a source is as it was told', async () => {
      const location = await stored(Buffer.from('abc'));
      assert.deepEqual((await store.open(location)).location, location);
      const placed = { ...location, region: under.region ?? 'somewhere' };
      assert.deepEqual((await store.open(placed)).location, placed);
    });

    it('can be left in the middle of a stream', async () => {
      const bytes = randomBytes(40 * MiB);
      const source = await store.open(await stored(bytes));
      for await (const chunk of source.stream({ start: 5, end: bytes.length })) {
        assertSameBytes(chunk, bytes.subarray(5, 5 + chunk.length));
        break;
      }
      assertSameBytes(await source.read({ start: 0, end: 3 }), bytes.subarray(0, 3));
    });

    it('refuses ranges outside of the object', async () => {
      const source = await store.open(await stored(Buffer.from('abc')));
      for (const range of [
        { start: -1, end: 1 },
        { start: 2, end: 1 },
        { start: 0, end: 4 },
      ]) {
        await assert.rejects(source.read(range), RangeError);
      }
    });

    it('lists the keys below a prefix, and no others', async () => {
      const folder = newLocation().key;
      const keys = ['10', '9', 'ä', 'a b', '+'].map((name) => `${folder}/${name}`);
      for (const key of [...keys, `${folder}-beside`]) {
        await store.put({ bucket: under.bucket, key }, inChunks(Buffer.from(key)), { sizeBoundBytes: 1000 });
      }
      const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(await Array.fromAsync(store.keysBelow(under.bucket, `${folder}/`)), sorted);
      assert.deepEqual(await Array.fromAsync(store.keysBelow(under.bucket, `${folder}/none`)), []);
      const missing = Array.fromAsync(store.keysBelow('no-such-bucket', ''));
      await assert.rejects(missing, { code: 'not-found', subject: { bucket: 'no-such-bucket' } });
    });

    it('names a missing object and a missing bucket', async () => {
      const location = newLocation();
      await assert.rejects(store.open(location), (error: PodfreightError) => {
        assert.equal(error.code, 'not-found');
        assert.deepEqual(error.subject, { ...location });
        return true;
      });
      const elsewhere = { bucket: 'no-such-bucket', key: 'k' };
      const attempts = [
        () => store.open(elsewhere),
        () => store.put(elsewhere, inChunks(Buffer.from('a')), { sizeBoundBytes: 1 }),
        () => store.put(elsewhere, inChunks(Buffer.alloc(17 * MiB)), { sizeBoundBytes: 17 * MiB }),
        () => store.compose(elsewhere, planParts([{ kind: 'literal', bytes: Buffer.from('a') }]), []),
      ];
      for (const attempt of attempts) {
        await assert.rejects(attempt, (error: PodfreightError) => {
          assert.equal(error.code, 'not-found');
          assert.deepEqual(error.subject, { bucket: 'no-such-bucket' });
          return true;
        });
      }
    });

    for (const [what, makeBytes] of [
      ['one part', () => Buffer.from('second')],
      ['several parts', () => randomBytes(17 * MiB)],
    ] as const) {
      it(`never overwrites, with ${what}`, async () => {
        const location = await stored(Buffer.from('first'));
        const bytes = makeBytes();
        await assert.rejects(store.put(location, inChunks(bytes), { sizeBoundBytes: bytes.length }), {
          code: 'conflict',
        });
        assert.equal((await readAll(await store.open(location))).toString(), 'first');
        assert.equal(await under.unfinishedUploads(), 0);
      });

      it(`lets one of two writers of a key win, with ${what}`, async () => {
        const location = newLocation();
        const bodies = [makeBytes(), Buffer.concat([makeBytes(), Buffer.from('!')])];
        const results = await Promise.allSettled(
          bodies.map((bytes) => store.put(location, inChunks(bytes), { sizeBoundBytes: bytes.length })),
        );
        const winner = results.findIndex(({ status }) => status === 'fulfilled');
        const loser = results[1 - winner];
        assert.equal(loser?.status === 'rejected' && loser.reason.code, 'conflict');
        assertSameBytes(await readAll(await store.open(location)), bodies[winner]!);
        assert.equal(await under.unfinishedUploads(), 0);
      });
    }

    for (const sizeBytes of [3, 50 * MiB]) {
      it(`leaves nothing of a body that fails after ${sizeBytes} bytes, and hands its error on`, async () => {
        const location = newLocation();
        const failure = new Error('the disk is gone');
        async function* body() {
          yield* inChunks(Buffer.alloc(sizeBytes));
          throw failure;
        }
        await assert.rejects(
          store.put(location, body(), { sizeBoundBytes: sizeBytes * 2 }),
          (error) => error === failure,
        );
        await assertNothingAt(location);
      });

      it(`stores nothing when interrupted after ${sizeBytes} bytes, closes the body, and goes on the next time`, async () => {
        const location = newLocation();
        const bytes = randomBytes(sizeBytes);
        const abort = new AbortController();
        const closed = Promise.withResolvers<void>();
        async function* body() {
          try {
            yield* inChunks(bytes);
            abort.abort();
            yield* inChunks(Buffer.alloc(100 * MiB));
          } finally {
            closed.resolve();
          }
        }
        const put = store.put(location, body(), { sizeBoundBytes: sizeBytes + 100 * MiB, signal: abort.signal });
        await assert.rejects(put, { code: 'interrupted' });
        await closed.promise;
        await assert.rejects(store.open(location), { code: 'not-found' });
        await store.put(location, inChunks(bytes), { sizeBoundBytes: sizeBytes });
        assertSameBytes(await readAll(await store.open(location)), bytes);
        assert.equal(await under.unfinishedUploads(), 0);
      });
    }

    it('has used each chunk of a body up before it asks for the next', async () => {
      const bytes = randomBytes(20 * MiB);
      const chunk = Buffer.alloc(MiB);
      async function* body() {
        for (let at = 0; at < bytes.length; at += MiB) {
          bytes.copy(chunk, 0, at);
          yield chunk;
          chunk.fill(0);
        }
      }
      const location = newLocation();
      await store.put(location, body(), { sizeBoundBytes: bytes.length });
      assertSameBytes(await readAll(await store.open(location)), bytes);
    });

    it('begins nothing when it is interrupted already', async () => {
      const location = newLocation();
      const options = { sizeBoundBytes: 1, signal: AbortSignal.abort() };
      await assert.rejects(store.put(location, inChunks(Buffer.from('a')), options), { code: 'interrupted' });
      await assertNothingAt(location);
    });

    it('never mixes an object with its replacement', async () => {
      const bytes = randomBytes(100);
      const location = await stored(bytes);
      const source = await store.open(location);
      await under.overwrite(location, randomBytes(100));
      await assert.rejects(source.read({ start: 0, end: 100 }), { code: 'source-changed' });
      await assert.rejects(readAll(source), { code: 'source-changed' });
    });

    it('says when the object has gone', async () => {
      const location = await stored(randomBytes(100));
      const source = await store.open(location);
      await under.remove(location);
      await assert.rejects(source.read({ start: 0, end: 100 }), { code: 'source-changed' });
    });

    describe('compose', () => {
      const a = randomBytes(23 * MiB);
      const b = randomBytes(12 * MiB);
      const segments: readonly Segment[] = [
        { kind: 'literal', bytes: Buffer.from('head') },
        { kind: 'range', source: 0, range: { start: 512, end: a.length - 7 } },
        { kind: 'range', source: 1, range: { start: 1024, end: b.length } },
        { kind: 'range', source: 1, range: { start: 0, end: 1000 } },
        { kind: 'range', source: 0, range: { start: 5, end: 10 } },
        { kind: 'literal', bytes: Buffer.from('tail') },
      ];
      const whole = Buffer.concat([
        Buffer.from('head'),
        a.subarray(512, a.length - 7),
        b.subarray(1024),
        b.subarray(0, 1000),
        a.subarray(5, 10),
        Buffer.from('tail'),
      ]);
      let locations: ObjectLocation[];

      before(async () => {
        locations = [await stored(a), await stored(b)];
      });
      const openSources = () => Promise.all(locations.map((location) => store.open(location)));

      it('puts literal bytes and ranges together', async () => {
        const location = newLocation();
        const plan = planParts(segments, { crc32: crc32(whole) });
        const options = { metadata: { 'podfreight-bundle': 'b' } };
        const result = await store.compose(location, plan, await openSources(), options);
        assert.equal(result.sizeBytes, whole.length);
        const source = await store.open(location);
        assert.equal(source.etag, result.etag);
        assert.deepEqual({ ...source.metadata }, { 'podfreight-bundle': 'b' });
        assertSameBytes(await readAll(source), whole);
      });

      it('does so without a known CRC-32', async () => {
        const location = newLocation();
        await store.compose(location, planParts(segments), await openSources());
        assertSameBytes(await readAll(await store.open(location)), whole);
      });

      for (const small of [[], [segments[0]!], [segments[0]!, segments[3]!]]) {
        it(`makes a small object of ${small.length} segments`, async () => {
          const location = newLocation();
          const plan = planParts(small);
          const { sizeBytes } = await store.compose(location, plan, await openSources());
          assert.equal(sizeBytes, plan.sizeBytes);
          assert.equal((await readAll(await store.open(location))).length, plan.sizeBytes);
        });
      }

      it('never overwrites', async () => {
        const location = await stored(Buffer.from('first'));
        await assert.rejects(store.compose(location, planParts(segments), await openSources()), { code: 'conflict' });
        assert.equal((await readAll(await store.open(location))).toString(), 'first');
        assert.equal(await under.unfinishedUploads(), 0);
      });

      it('stores nothing when the bytes are not those promised', async () => {
        const location = newLocation();
        const plan = planParts(segments, { crc32: crc32(whole) ^ 1 });
        await assert.rejects(store.compose(location, plan, await openSources()), { code: 'corrupt-archive' });
        await assertNothingAt(location);
      });

      it('stores nothing when a source was replaced or has gone', async () => {
        const changed = await stored(b);
        const ranges = [0, 1].map((source): Segment => ({ kind: 'range', source, range: { start: 0, end: b.length } }));
        const plan = planParts(ranges, { crc32: 1 });
        assert.deepEqual(
          plan.parts.map(({ kind }) => kind),
          ['copy', 'copy'],
        );
        const sources = [(await openSources())[0]!, await store.open(changed)];
        const location = newLocation();
        await under.overwrite(changed, randomBytes(b.length));
        await assert.rejects(store.compose(location, plan, sources), { code: 'source-changed' });
        await under.remove(changed);
        await assert.rejects(store.compose(location, plan, sources), { code: 'source-changed' });
        await assertNothingAt(location);
      });

      it('goes on where it was paused', async () => {
        const location = newLocation();
        const plan = planParts(segments, { crc32: crc32(whole) });
        const paused = store.compose(location, plan, await openSources(), { pause: AbortSignal.abort() });
        await assert.rejects(paused, { code: 'interrupted' });
        await assert.rejects(store.open(location), { code: 'not-found' });
        let progress = 0;
        const onProgress = (bytes: number) => {
          progress += bytes;
        };
        await store.compose(location, plan, await openSources(), { onProgress });
        assert.equal(progress, whole.length);
        assertSameBytes(await readAll(await store.open(location)), whole);
        assert.equal(await under.unfinishedUploads(), 0);
      });

      it('stores nothing when it is interrupted', async () => {
        const location = newLocation();
        const abort = new AbortController();
        const plan = planParts(segments, { crc32: crc32(whole) });
        const composing = store.compose(location, plan, await openSources(), { signal: abort.signal });
        abort.abort();
        await assert.rejects(composing, { code: 'interrupted' });
        await assertNothingAt(location);
      });
    });
  });
}
