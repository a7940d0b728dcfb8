import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { FRAME_BYTES } from '../../../core/archive/format.ts';
import { openArchive } from '../../../core/archive/reader.ts';
import { type PodFile, writeArchive } from '../../../core/archive/writer.ts';
import { MemorySource } from './memory-source.ts';
import { archiveOf, collect, content, MODIFIED_AT, manifestOf, podFile, readAll } from './sample.ts';

const FORMATS = ['tar', 'tar+zstd', 'tar+gzip'] as const;

test('what is written is read back, for sizes around blocks and frames and chunks of any size', async () => {
  const around = (size: number) => fc.integer({ min: Math.max(0, size - 514), max: size + 2 });
  const size = fc.oneof(
    { weight: 4, arbitrary: around(512) },
    { weight: 4, arbitrary: fc.constantFrom(0, 1, 511, 512, 513, 1023, 1024, 1025) },
    { weight: 1, arbitrary: around(FRAME_BYTES - 512) },
    { weight: 1, arbitrary: around(2 * FRAME_BYTES - 512) },
  );
  const source = content(2 * FRAME_BYTES + 1024);
  const sizes = fc.array(size, { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FORMATS),
      sizes,
      fc.constantFrom(1 << 20, 65536, 999),
      async (format, all, chunk) => {
        const pods = new Map(all.map((sizeBytes, i) => [`pod${i}`, source.subarray(i, i + sizeBytes)]));
        const written = writeArchive({
          manifest: manifestOf([...pods.keys()]),
          modifiedAt: MODIFIED_AT,
          pods: [...pods].map(([id, bytes]) => podFile(id, bytes, chunk)),
          format,
        });
        const archive = await openArchive(new MemorySource(await collect(written.stream)));
        assert.equal(archive.format, format);
        assert.deepEqual(archive.index, written.index());
        const read = await readAll(archive);
        assert.deepEqual(
          [...read.keys()],
          [...pods.keys()].map((id) => `${id}.tar`),
        );
        for (const [id, bytes] of pods) assert.ok(read.get(`${id}.tar`)!.equals(bytes), `${id} of ${bytes.length}`);
      },
    ),
    { numRuns: 40 },
  );
});

for (const format of FORMATS) {
  test(`${format}: the same content gives the same bytes, however it comes and however many frames are under way`, async () => {
    const pod = content(9_000_000);
    const make = (chunkBytes: number, concurrency: number, fraction: number) =>
      collect(
        writeArchive(
          {
            manifest: manifestOf(['a1']),
            modifiedAt: new Date(MODIFIED_AT.getTime() + fraction),
            pods: [{ ...podFile('a1', pod, chunkBytes), modifiedAt: new Date(MODIFIED_AT.getTime() + fraction) }],
            format,
          },
          { concurrency },
        ).stream,
      );
    const bytes = await make(pod.length, 4, 0);
    assert.ok(bytes.equals(await make(100_003, 1, 999)));
  });

  test(`${format}: a file that is shorter or longer than announced is an error, and the archive does not end`, async () => {
    for (const [announced, size] of [
      [600, 512],
      [512, 600],
      [512, 1024],
      [0, 1],
      [5_000_000, 4_999_999],
    ] as const) {
      const pod = { ...podFile('a1', content(size), 512), sizeBytes: announced };
      const written = writeArchive({ manifest: manifestOf(['a1']), modifiedAt: MODIFIED_AT, pods: [pod], format });
      await assert.rejects(collect(written.stream), {
        code: 'source-changed',
        message: /a1\.tar changed while it was read/,
      });
      assert.throws(() => written.index(), { code: 'internal' });
    }
  });

  test(`${format}: an error of a file is passed on as it is`, async () => {
    const failure = new Error('the disk is gone');
    const pod = {
      ...podFile('a1', content(10)),
      async *read() {
        yield content(5);
        throw failure;
      },
    };
    const { stream } = writeArchive({ manifest: manifestOf(['a1']), modifiedAt: MODIFIED_AT, pods: [pod], format });
    await assert.rejects(collect(stream), (error) => error === failure);
  });
}

/** A pod that is read as a file is: right into the memory that is asked for. */
function filePod(sandboxId: string, bytes: Buffer): PodFile {
  return {
    ...podFile(sandboxId, bytes),
    async *read(memory = () => Buffer.alloc(1000)) {
      for (let at = 0; at < bytes.length; ) {
        const place = memory();
        assert.ok(place.length > 0 && place.length <= bytes.length - at, `${place.length} bytes at ${at}`);
        await setImmediate();
        yield place.subarray(0, bytes.copy(place, 0, at));
        at += place.length;
      }
    },
  };
}

for (const format of FORMATS) {
  test(`${format}: content read right into its place, and pieces that are good only for their turn, give the same bytes`, async () => {
    const pods = { a1: content(2 * FRAME_BYTES - 512), b2: content(700), c3: content(5_000_001), d4: Buffer.alloc(0) };
    const { bytes } = await archiveOf(pods, format);
    const { stream } = writeArchive(
      {
        manifest: manifestOf(Object.keys(pods)),
        modifiedAt: MODIFIED_AT,
        pods: Object.entries(pods).map(([id, pod]) => filePod(id, pod)),
        format,
      },
      { fleeting: true },
    );
    const pieces: Buffer[] = [];
    for await (const piece of stream) {
      await setImmediate(); // what is made ahead must leave it alone
      pieces.push(Buffer.from(piece));
    }
    assert.ok(Buffer.concat(pieces).equals(bytes));
  });
}

test('one pod is opened after the other, and none before it is needed', async () => {
  const opened: string[] = [];
  const bytes = Buffer.alloc(12 * FRAME_BYTES);
  const pods = ['a1', 'b2', 'c3'].map((id) => ({
    ...podFile(id, bytes),
    async *read() {
      opened.push(`${id} opened`);
      yield* podFile(id, bytes, 1 << 20).read();
      opened.push(`${id} read`);
    },
  }));
  const { stream } = writeArchive({ manifest: manifestOf([]), modifiedAt: MODIFIED_AT, pods, format: 'tar+zstd' });
  for await (const _ of stream) break;
  assert.deepEqual(opened, ['a1 opened']);
});

test('leaving early releases the file that is read', async () => {
  let released = false;
  const pod = {
    ...podFile('a1', content(9_000_000)),
    async *read() {
      try {
        yield* podFile('a1', content(9_000_000), 1 << 20).read();
      } finally {
        released = true;
      }
    },
  };
  const { stream } = writeArchive({
    manifest: manifestOf(['a1']),
    modifiedAt: MODIFIED_AT,
    pods: [pod],
    format: 'tar+zstd',
  });
  let pieces = 0;
  for await (const _ of stream) if (++pieces === 2) break;
  assert.ok(released);
});

test('a SandboxID that is none, or comes twice, is a defect of the caller', async () => {
  for (const ids of [['../a'], ['a1', 'a1']]) {
    const pods = ids.map((id) => podFile(id, content(3)));
    const { stream } = writeArchive({ manifest: manifestOf(ids), modifiedAt: MODIFIED_AT, pods, format: 'tar' });
    await assert.rejects(collect(stream), { code: 'internal' });
  }
});

test('zstd: every member starts a frame, and frames hold 4 MiB', async () => {
  const { bytes, written } = await archiveOf({ a1: content(9_000_000), b2: content(10) }, 'tar+zstd');
  const [, a1, b2] = written.index()!.members;
  assert.equal(a1!.frames!.length, 3);
  assert.equal(b2!.frames!.length, 1);
  const first = bytes.subarray(a1!.wire.start, a1!.wire.start + a1!.frames![0]!);
  const tar = zlib.zstdDecompressSync(first);
  assert.equal(tar.length, FRAME_BYTES);
  assert.equal(tar.toString('latin1', 0, 7), 'a1.tar\0');
});

const PODS = { a1: content(700), [`${'b'.repeat(120)}`]: content(5_000_000), c3: Buffer.alloc(0) };
const READERS: Record<(typeof FORMATS)[number], readonly (readonly [command: string, ...args: string[]])[]> = {
  tar: [['tar', '-tf']],
  'tar+zstd': [
    ['tar', '--zstd', '-tf'],
    ['zstd', '-qt'],
  ],
  'tar+gzip': [
    ['tar', '-tzf'],
    ['gzip', '-t'],
  ],
};

/** A program of the system that a test can do without, but not silently. */
function isThere(t: TestContext, ...programs: string[]): boolean {
  const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);
  if (missing.length > 0) t.skip(`not installed: ${missing.join(', ')} (Debian: apt-get install tar zstd gzip)`);
  return missing.length === 0;
}

for (const format of FORMATS) {
  test(`${format}: GNU tar and the compressor read it without a word, and unpack what was packed`, async (t) => {
    if (!isThere(t, 'tar', 'zstd', 'gzip')) return;
    const folder = await mkdtemp(path.join(tmpdir(), 'podfreight-writer-'));
    t.after(() => rm(folder, { recursive: true }));
    const archive = path.join(folder, 'archive');
    await writeFile(archive, (await archiveOf(PODS, format)).bytes);
    for (const [command, ...args] of READERS[format]) {
      const { status, stderr } = spawnSync(command, [...args, archive], { encoding: 'utf8' });
      assert.deepEqual([status, stderr], [0, ''], `${command} ${args.join(' ')}`);
    }
    const flags = { tar: [], 'tar+zstd': ['--zstd'], 'tar+gzip': ['-z'] }[format];
    const { status, stderr } = spawnSync('tar', [...flags, '-xf', archive, '-C', folder], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    for (const [id, bytes] of Object.entries(PODS)) {
      assert.ok((await readFile(path.join(folder, `${id}.tar`))).equals(bytes), id);
    }
  });
}
