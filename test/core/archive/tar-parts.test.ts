import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { rangeSource } from '../../../core/archive/range-source.ts';
import { ReadWindow } from '../../../core/archive/read-window.ts';
import { type ByteInput, plainTarParts, tarParts } from '../../../core/archive/tar-parts.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { MemorySource } from './memory-source.ts';
import { collect, content, inChunks } from './sample.ts';
import { END, file, header } from './tar-sample.ts';

const PAGES = content(300_000);
const TAR = tarWith(PAGES);
/** For chunks of one byte, each of which takes its time. */
const SHORT_TAR = tarWith(PAGES.subarray(0, 5000));

function tarWith(pages: Buffer): Buffer {
  return Buffer.concat([
    file('first', 'one'),
    header({ name: 'd/', type: '5' }),
    file('d/pages', pages),
    file('empty', ''),
    file('last', content(1024)),
    END,
  ]);
}

const WIRES: Readonly<Record<string, (tar: Buffer) => Buffer>> = {
  plain: (tar) => tar,
  gzip: (tar) => zlib.gzipSync(tar),
  'zstd in one frame': (tar) => zlib.zstdCompressSync(tar),
  'zstd in two frames': (tar) =>
    Buffer.concat([zlib.zstdCompressSync(tar.subarray(0, 700)), zlib.zstdCompressSync(tar.subarray(700))]),
};

/** Names and contents, reading all, none, or a part of each. */
async function read(input: ByteInput, how: 'all' | 'none' | 'part'): Promise<string[]> {
  const seen: string[] = [];
  for await (const part of tarParts(input)) {
    if (part.kind === 'end') {
      seen.push(`end ${part.extent.endsAt} ${part.extent.tailBytes}`);
    } else {
      seen.push(part.member.name);
      if (how === 'all') assert.equal((await part.content.bytes()).length, part.member.sizeBytes);
      if (how === 'part') {
        for await (const _ of part.content.data()) break;
      }
    }
  }
  return seen;
}

const expectedOf = (tar: Buffer) => ['first', 'd/', 'd/pages', 'empty', 'last', `end ${tar.length} 0`];
const EXPECTED = expectedOf(TAR);

for (const [wire, encode] of Object.entries(WIRES)) {
  test(`${wire}: a source and a stream in chunks of any size have the same parts, however much of them is read`, async () => {
    const bytes = encode(TAR);
    for (const how of ['all', 'none', 'part'] as const) {
      assert.deepEqual(await read(new MemorySource(bytes), how), EXPECTED);
      for (const size of [321, 512, 4096, bytes.length]) {
        const stream = { name: 'test.tar', chunks: inChunks(bytes, size) };
        assert.deepEqual(await read(stream, how), EXPECTED, `chunks of ${size}`);
      }
      const stream = { name: 'test.tar', chunks: inChunks(encode(SHORT_TAR), 1) };
      assert.deepEqual(await read(stream, how), expectedOf(SHORT_TAR), 'chunks of one byte');
    }
  });

  test(`${wire}: what follows the end is counted, and no part of the tar`, async () => {
    const bytes = encode(Buffer.concat([TAR, file('stale', PAGES)]));
    const expected = [...EXPECTED.slice(0, -1), `end ${TAR.length} ${file('stale', PAGES).length}`];
    assert.deepEqual(await read(new MemorySource(bytes), 'none'), expected);
    assert.deepEqual(await read({ name: 'test.tar', chunks: inChunks(bytes, 4096) }, 'none'), expected);
  });

  test(`${wire}: cut off anywhere it ends early`, async () => {
    const bytes = encode(TAR);
    const inputs = (length: number) => [
      new MemorySource(bytes.subarray(0, length)),
      { name: 'test.tar', chunks: inChunks(bytes.subarray(0, length), 4096) },
    ];
    for (let length = 18; length < bytes.length; length += Math.ceil(bytes.length / 97)) {
      for (const input of inputs(length)) {
        await assert.rejects(read(input, 'none'), (error: unknown) => {
          assert.ok(isPodfreightError(error, 'invalid-archive'), `${length} bytes: ${error}`);
          assert.equal(error.subject.endsEarly, true, error.message);
          return true;
        });
      }
    }
  });
}

test('a plain tar in a source is walked without reading contents', async () => {
  const source = new MemorySource(TAR);
  assert.deepEqual(await read(source, 'none'), EXPECTED);
  assert.equal(source.readBytes, 512 * 8, 'the first header twice, to see what it is, and the two zero blocks');
});

test('a tar within a tar, and within that, is read where it lies or as it comes', async () => {
  const outer = Buffer.concat([file('x', content(5000)), file('inner.tar', TAR), file('z', ''), END]);
  const twice = Buffer.concat([file('outer.tar', outer), END]);
  async function innermost(input: ByteInput): Promise<string[]> {
    const names: string[] = [];
    for await (const part of tarParts(input)) {
      if (part.kind === 'end') continue;
      if (part.member.name.endsWith('.tar')) names.push(...(await innermost(part.content.input)));
      else names.push(part.member.name);
    }
    return names;
  }
  const expected = ['x', 'first', 'd/', 'd/pages', 'empty', 'last', 'z'];
  assert.deepEqual(await innermost(new ReadWindow(new MemorySource(twice))), expected);
  assert.deepEqual(await innermost({ name: 'twice.tar', chunks: inChunks(twice, 1000) }), expected);
  const part = rangeSource(new MemorySource(twice), { start: 512, end: 512 + outer.length }, 'outer.tar');
  assert.deepEqual(await innermost(part), expected);
});

/** As from a network: when a chunk comes, others may have stopped waiting for it. */
async function* slowly(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    await new Promise(setImmediate);
    yield chunk;
  }
}

test('a look inside that is given up, even behind a decoder that reads ahead, leaves the outer tar in step', async () => {
  const inner = Buffer.concat([file('a', content(2_000_000)), file('b', content(2_000_000, 2)), END]);
  for (const encode of Object.values(WIRES)) {
    const outer = Buffer.concat([file('inner.tar', encode(inner)), file('after', 'abc'), END]);
    for (const chunkBytes of [10_000, 65536, outer.length]) {
      const names: string[] = [];
      for await (const part of tarParts({ name: 'outer.tar', chunks: slowly(inChunks(outer, chunkBytes)) })) {
        if (part.kind === 'end') continue;
        names.push(part.member.name);
        if (part.member.name !== 'inner.tar') continue;
        for await (const _ of tarParts(part.content.input)) break;
      }
      assert.deepEqual(names, ['inner.tar', 'after']);
    }
  }
});

test('a hostile name comes escaped and bounded in messages', async () => {
  const tar = Buffer.concat([header({ name: `\x1b[2J${'x'.repeat(90)}`, sizeBytes: 9999 }), Buffer.alloc(512)]);
  await assert.rejects(read(new MemorySource(tar), 'none'), /in member "\\x1b\[2Jx+"; fetch or write it again\.$/);
  await assert.rejects(read({ name: 'test.tar', chunks: inChunks(tar, 100) }, 'none'), /in member "\\x1b\[2J/);
});

test('a plain tar alone can be asked for', async () => {
  const plain = await Array.fromAsync(plainTarParts({ name: 'test.tar', chunks: inChunks(TAR, 1000) }));
  assert.equal(plain.length, EXPECTED.length);
  const compressed = plainTarParts({ name: 'test.tar', chunks: inChunks(zlib.gzipSync(TAR), 1000) });
  await assert.rejects(collect(compressed as unknown as AsyncIterable<Buffer>), /wrong checksum/);
});
