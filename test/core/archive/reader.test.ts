import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { compressFrame } from '../../../core/archive/frame.ts';
import { archiveTail } from '../../../core/archive/index.ts';
import type { IndexedMember } from '../../../core/archive/member.ts';
import { openArchive } from '../../../core/archive/reader.ts';
import { encodeHeader } from '../../../core/archive/tar-encode.ts';
import type { ByteSource } from '../../../core/ports.ts';
import type { ByteRange } from '../../../core/range.ts';
import { MemorySource } from './memory-source.ts';
import { archiveOf, collect, content, MODIFIED_AT, manifestOf, readAll } from './sample.ts';
import { END, file } from './tar-sample.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url);
const fixture = (name: string) => readFileSync(new URL(name, FIXTURES));
const open = (bytes: Buffer, name?: string) => openArchive(new MemorySource(bytes, name));

/** The same tar in every way it can lie on the wire. */
const WRAPPED: Record<string, (tar: Buffer) => Buffer | Promise<Buffer>> = {
  tar: (tar) => tar,
  'tar+gzip': (tar) => zlib.gzipSync(tar),
  'tar+zstd': (tar) => zlib.zstdCompressSync(tar),
  'tar+zstd in frames': async (tar) => {
    const third = Math.ceil(tar.length / 3);
    return Buffer.concat(
      await Promise.all([0, 1, 2].map((i) => compressFrame(tar.subarray(i * third, (i + 1) * third)))),
    );
  },
};

for (const name of readdirSync(new URL('writers/', FIXTURES)).filter((file) => file.endsWith('.tar'))) {
  test(`allows ${name}, however it is compressed`, async () => {
    const tar = fixture(`writers/${name}`);
    for (const [format, wrap] of Object.entries(WRAPPED)) {
      const archive = await open(await wrap(tar));
      assert.ok(format.startsWith(archive.format));
      assert.equal(archive.verified, false);
      const { manifest } = await archive.manifest();
      const [, second] = manifest.pods!.map((pod) => pod.sandboxId);
      const read = await readAll(archive);
      assert.deepEqual([...read.keys()].sort(), ['a1.tar', `${second}.tar`]);
      assert.ok(read.get('a1.tar')!.equals(Buffer.alloc(700, 'a')));
      assert.ok(read.get(`${second}.tar`)!.equals(Buffer.alloc(512, 'b')));
      const layout = await archive.layout();
      const sizes = new Map(layout?.map((member) => [member.name, member.sizeBytes]));
      if (format === 'tar') assert.deepEqual([sizes.get('a1.tar'), sizes.get(`${second}.tar`)], [700, 512]);
      else assert.equal(layout, undefined);
    }
  });
}

for (const [name, first] of [
  ['node-a.tar.zst', '833664a589456e661c84f6f5a4eaf962b49b5ec10462e9475e3c5fa9a6bc60cc'],
  ['node-b.tar.zst', '273b27021c1f4bd8869936fa10578a407ea3b567cb12a3557459e247556d9dee'],
] as const) {
  test(`reads ${name} of the first checkpointctl, as it is, plain and in gzip`, async () => {
    const zst = fixture(name);
    const tar = zlib.zstdDecompressSync(zst);
    for (const bytes of [zst, tar, zlib.gzipSync(tar, { level: 1 })]) {
      const archive = await open(bytes);
      const { manifest } = await archive.manifest();
      assert.equal(manifest.pods![0]!.sandboxId, first);
      const read = await readAll(archive);
      assert.deepEqual(
        [...read.keys()],
        manifest.pods!.map((pod) => `${pod.sandboxId}.tar`),
      );
      for (const bytes of read.values()) assert.equal(bytes.toString('latin1', 257, 262), 'ustar');
    }
  });
}

test("Podman's archive of one container is refused: it is no archive of pods", async () => {
  for (const name of ['podman-counter.tar.zst', 'podman-redis.tar.zst', 'podman-web.tar.gz']) {
    const archive = await open(fixture(name), name);
    const refused = {
      code: 'invalid-archive',
      message: new RegExp(`${name} is refused: member "artifacts/" is a directory`),
    };
    await assert.rejects(archive.manifest(), refused);
    await assert.rejects(readAll(archive), refused);
  }
});

const PODS = { a1: content(700), b2: content(9_000_000), c3: content(20_000) };

for (const format of ['tar', 'tar+zstd'] as const) {
  test(`${format} of ours: manifest and layout take two small reads, one member takes its own bytes`, async () => {
    const { bytes } = await archiveOf(PODS, format);
    const source = new MemorySource(bytes);
    const archive = await openArchive(source);
    const { manifest, bytes: raw } = await archive.manifest();
    assert.ok(raw.equals(manifestOf(Object.keys(PODS))));
    assert.deepEqual(
      manifest.pods!.map((pod) => pod.sandboxId),
      Object.keys(PODS),
    );
    const layout = await archive.layout();
    assert.deepEqual(
      layout!.map(({ name, sizeBytes }) => [name, sizeBytes]),
      [
        ['checkpointed.pods', raw.length],
        ['a1.tar', 700],
        ['b2.tar', 9_000_000],
        ['c3.tar', 20_000],
      ],
    );
    assert.equal(source.reads.length, 2);
    assert.ok(source.readBytes < 70_000);

    const b2 = archive.index!.members[2]!;
    source.reads.length = 0;
    assert.ok((await collect(archive.memberData(b2))).equals(PODS.b2));
    assert.equal(source.readBytes, b2.wire.end - b2.wire.start);
  });

  test(`${format} of ours: a small archive is read once`, async () => {
    const source = new MemorySource((await archiveOf({ a1: content(700) }, format)).bytes);
    const archive = await openArchive(source);
    await archive.manifest();
    await readAll(archive);
    assert.equal(source.reads.length, 1);
  });

  test(`${format} of ours: content that is left half-read is checked all the same`, async () => {
    const { bytes, written } = await archiveOf(PODS, format);
    const b2 = written.index()!.members[2]!;
    bytes[b2.wire.end - 9000]! ^= 1;
    const names: string[] = [];
    await assert.rejects(
      async () => {
        for await (const { member, data } of (await open(bytes)).members()) {
          names.push(member.name);
          for await (const _ of data) break;
        }
      },
      { code: 'corrupt-archive' },
    );
    assert.deepEqual(names, ['a1.tar', 'b2.tar']);
  });

  test(`${format} of ours: padding that is not zero is refused`, async () => {
    const { bytes, written } = await archiveOf({ a1: content(3000) }, format);
    const { wire, frames, ...a1 } = written.index()!.members[1]!;
    const tar = Buffer.concat([await encodeHeader(a1), content(3000), Buffer.from('hidden'.padEnd(72, '\0'))]);
    const padded = frames ? await compressFrame(tar) : tar;
    const members = [
      written.index()!.members[0]!,
      {
        ...a1,
        wire: { start: wire.start, end: wire.start + padded.length },
        ...(frames && { frames: [padded.length] }),
      },
    ];
    const spliced = Buffer.concat([bytes.subarray(0, wire.start), padded, await archiveTail(members, format)]);
    await assert.rejects(open(spliced).then(readAll), {
      code: 'invalid-archive',
      message: /padded with other than zeros/,
    });
  });

  test(`${format} of ours: flipped bits anywhere in members are refused`, async () => {
    const { bytes, written } = await archiveOf({ a1: content(3000) }, format);
    const { start } = written.index()!.endOfTar;
    for (let at = 0; at < start; at += 3) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at & 7);
      const read = await open(flipped)
        .then(readAll)
        .catch((error) => error);
      // Flags and window size of a frame, and owner and mode of a tar header, change nothing of what lands.
      if (read instanceof Map) assert.ok(read.get('a1.tar')!.equals(content(3000)), `byte ${at}`);
      else
        assert.match(
          read.code,
          /^(invalid-archive|corrupt-archive|invalid-manifest|unsupported)$/,
          `byte ${at}: ${read}`,
        );
    }
  });
}

test('a plain archive of ours that was compressed afterwards is read', async () => {
  const { bytes } = await archiveOf({ a1: content(700) }, 'tar');
  for (const compressed of [zlib.gzipSync(bytes), zlib.zstdCompressSync(bytes)]) {
    const archive = await open(compressed);
    assert.equal(archive.verified, false);
    assert.ok((await readAll(archive)).get('a1.tar')!.equals(content(700)));
  }
});

const pods = {
  manifest: file('checkpointed.pods', manifestOf(['a', 'b'])),
  a: file('a.tar', 'a'),
  b: file('b.tar', 'b'),
};

for (const [what, parts, code, reason] of [
  [
    'a pod that the manifest does not name',
    [pods.manifest, pods.a, pods.b, file('c.tar', '')],
    'invalid-archive',
    /member "c\.tar" is not named/,
  ],
  ['a pod that is missing', [pods.manifest, pods.a], 'invalid-archive', /member "b\.tar" is named.*not there/],
  ['no manifest', [pods.a, pods.b], 'invalid-archive', /has no checkpointed\.pods/],
  [
    'a manifest that is no JSON',
    [file('checkpointed.pods', 'x'), pods.a],
    'invalid-manifest',
    /checkpointed\.pods in test\.tar/,
  ],
  [
    'a manifest that names a pod twice',
    [file('checkpointed.pods', manifestOf(['a', 'a'])), pods.a],
    'invalid-manifest',
    /same SandboxID/,
  ],
  [
    'a manifest with a way up',
    [file('checkpointed.pods', manifestOf(['../a'])), pods.a],
    'invalid-manifest',
    /cannot be a file name/,
  ],
] as const) {
  test(`prevents ${what}, in every format`, async () => {
    for (const wrap of Object.values(WRAPPED)) {
      const archive = await open(await wrap(Buffer.concat([...parts, END])));
      await assert.rejects(readAll(archive), { code, message: reason });
    }
  });
}

test('prevents a manifest of endless length before it is read', async () => {
  const tar = Buffer.concat([file('checkpointed.pods', Buffer.alloc(17 * 2 ** 20)), END]);
  for (const wrap of Object.values(WRAPPED)) {
    const archive = await open(await wrap(tar));
    await assert.rejects(archive.manifest(), { code: 'invalid-archive', message: /is longer than \d+ bytes/ });
  }
});

test('prevents a manifest that is cut off', async () => {
  for (const cut of [0, 1, 511, 512, 513, 600]) {
    const read = open(pods.manifest.subarray(0, cut)).then((archive) => archive.manifest());
    const message = cut === 0 ? /is empty/ : cut < 512 ? /only the beginning of one/ : /ends early/;
    await assert.rejects(read, { code: 'invalid-archive', message }, `${cut}`);
  }
});

test('a manifest that comes last is found, in every format', async () => {
  const tar = Buffer.concat([pods.a, pods.b, pods.manifest, END]);
  for (const wrap of Object.values(WRAPPED)) {
    const archive = await open(await wrap(tar));
    assert.equal((await archive.manifest()).manifest.pods!.length, 2);
    assert.deepEqual([...(await readAll(archive)).keys()], ['a.tar', 'b.tar']);
  }
});

test('the manifest of a foreign compressed archive takes its first bytes only', async () => {
  const noise = Buffer.concat(Array.from({ length: 40 }, (_, i) => content(250_000, i + 1)));
  const tar = Buffer.concat([pods.manifest, file('a.tar', noise), pods.b, END]);
  for (const bytes of [zlib.gzipSync(tar, { level: 1 }), zlib.zstdCompressSync(tar)]) {
    const source = new MemorySource(bytes);
    const archive = await openArchive(source);
    assert.equal((await archive.manifest()).manifest.pods!.length, 2);
    assert.ok(source.readBytes < 1_000_000, `${source.readBytes} of ${bytes.length}`);
  }
});

/** A tar with members of many gigabytes, of which only the headers exist. */
class SparseSource implements ByteSource {
  readonly name = 'sparse.tar';
  readBytes = 0;
  readonly sizeBytes: number;
  readonly #parts: readonly { start: number; bytes: Buffer }[];

  constructor(parts: readonly { start: number; bytes: Buffer }[]) {
    this.#parts = parts;
    this.sizeBytes = parts.at(-1)!.start + parts.at(-1)!.bytes.length;
  }

  async read({ start, end }: ByteRange): Promise<Buffer> {
    this.readBytes += end - start;
    const all = Buffer.alloc(end - start);
    for (const part of this.#parts) {
      if (part.start < end && part.start + part.bytes.length > start) {
        part.bytes.copy(all, Math.max(part.start - start, 0), Math.max(start - part.start, 0));
      }
    }
    return all;
  }

  async *stream(range: ByteRange): AsyncGenerator<Buffer> {
    yield await this.read(range);
  }

  async close(): Promise<void> {}
}

test('of a plain tar of 20 GiB, manifest and layout take a few KiB', async () => {
  const sizeBytes = 10 * 2 ** 30 + 5;
  const parts: { start: number; bytes: Buffer }[] = [];
  let start = 0;
  for (const name of ['a.tar', 'b.tar']) {
    parts.push({ start, bytes: await encodeHeader({ name, sizeBytes, modifiedAt: MODIFIED_AT }) });
    start += 512 + sizeBytes + 507;
  }
  parts.push({ start, bytes: Buffer.concat([pods.manifest, END]) });
  const source = new SparseSource(parts);
  const archive = await openArchive(source);
  assert.equal((await archive.manifest()).manifest.pods!.length, 2);
  assert.deepEqual(
    (await archive.layout())!.map((member) => member.sizeBytes),
    [sizeBytes, sizeBytes, manifestOf(['a', 'b']).length],
  );
  assert.ok(source.readBytes < 200_000, `${source.readBytes}`);
});

test('a member by an index of another object is refused', async () => {
  const one = await archiveOf({ a1: content(5000, 1) }, 'tar+zstd');
  const other = await archiveOf({ a1: content(5000, 2) }, 'tar+zstd');
  const archive = await open(one.bytes);
  const foreign: IndexedMember = other.written.index()!.members[1]!;
  await assert.rejects(collect(archive.memberData(foreign)), (error: { code: string }) => /-archive$/.test(error.code));
});
