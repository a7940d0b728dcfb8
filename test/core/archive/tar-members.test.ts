import assert from 'node:assert/strict';
import { test } from 'node:test';
import tar from 'tar-stream';
import { encodeHeader } from '../../../core/archive/tar-encode.ts';
import { tarMembers } from '../../../core/archive/tar-members.ts';
import { collect, content, inChunks, MODIFIED_AT } from './sample.ts';
import { END, file, header, pax } from './tar-sample.ts';

const big = content(20_000);
const TAR = Buffer.concat([
  header({ name: './', type: '5' }),
  file('./checkpointed.pods', '{}'),
  pax({ mtime: '5.5' }),
  file('./a.tar', big),
  file('empty.tar', ''),
  END,
]);

for (const size of [1, 7, 321, 4096, 1 << 20]) {
  test(`members come with their content, in chunks of ${size}`, async () => {
    const seen: [string, Buffer][] = [];
    for await (const { member, data } of tarMembers(inChunks(TAR, size), 'test.tar')) {
      seen.push([member.name, await collect(data)]);
    }
    assert.deepEqual(
      seen.map(([name]) => name),
      ['checkpointed.pods', 'a.tar', 'empty.tar'],
    );
    assert.ok(seen[1]![1].equals(big));
  });
}

test('content that is not read, or only begun, is passed over', async () => {
  const names: string[] = [];
  for await (const { member, data } of tarMembers(inChunks(TAR, 4096), 'test.tar')) {
    names.push(member.name);
    if (member.name === 'a.tar') for await (const _ of data) break;
  }
  assert.deepEqual(names, ['checkpointed.pods', 'a.tar', 'empty.tar']);
});

test('leaving early releases the source', async () => {
  let released = false;
  async function* chunks() {
    try {
      yield* inChunks(TAR, 512);
    } finally {
      released = true;
    }
  }
  for await (const _ of tarMembers(chunks(), 'test.tar')) break;
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(released);
});

test('an error of the source is passed on as it is', async () => {
  const failure = new Error('the disk is gone');
  async function* chunks() {
    yield TAR.subarray(0, 2048);
    throw failure;
  }
  await assert.rejects(
    async () => {
      for await (const { data } of tarMembers(chunks(), 'test.tar')) await collect(data);
    },
    (error) => error === failure,
  );
});

test('content ends with an error when the tar does, not as if it were whole', async () => {
  await assert.rejects(
    async () => {
      for await (const { data } of tarMembers(inChunks(TAR.subarray(0, 10_000), 4096), 'x')) await collect(data);
    },
    { code: 'invalid-archive', message: /ends early, in member a\.tar/ },
  );
});

test('nothing of a refused member is seen', async () => {
  const tar = Buffer.concat([file('a.tar', 'a'), file('../b.tar', 'b'), END]);
  const names: string[] = [];
  await assert.rejects(
    async () => {
      for await (const { member } of tarMembers(inChunks(tar, 512), 'x')) names.push(member.name);
    },
    { code: 'invalid-archive' },
  );
  assert.ok(!names.some((name) => name.includes('b')));
});

test('a member of 8 GiB + 5 goes through whole, and the one after it is found', async () => {
  const sizeBytes = 8 * 2 ** 30 + 5;
  const block = Buffer.alloc(64 << 20);
  async function* chunks() {
    yield await encodeHeader({ name: 'big.tar', sizeBytes, modifiedAt: MODIFIED_AT });
    for (let left = sizeBytes + 507; left > 0; left -= block.length)
      yield block.subarray(0, Math.min(left, block.length));
    yield Buffer.concat([file('after.tar', 'abc'), END]);
  }
  const seen: [string, number][] = [];
  for await (const { member, data } of tarMembers(chunks(), 'test.tar')) {
    let bytes = 0;
    for await (const chunk of data) bytes += chunk.length;
    seen.push([member.name, bytes]);
  }
  assert.deepEqual(seen, [
    ['big.tar', sizeBytes],
    ['after.tar', 3],
  ]);
});

for (const [what, lie] of [
  ['name', { name: 'other.tar' }],
  ['size', { size: 5 }],
  ['type', { type: 'symlink' }],
  ['offset', { byteOffset: 0 }],
] as const) {
  test(`prevents a member of which tar-stream reads another ${what}`, async (t) => {
    const { extract } = tar;
    t.mock.method(tar, 'extract', (options: Parameters<typeof extract>[0]) => {
      const lying = extract(options);
      lying.prependListener('entry', (entry) => {
        if (entry.name === './a.tar') Object.assign(entry, lie);
      });
      return lying;
    });
    await assert.rejects(
      async () => {
        for await (const { data } of tarMembers(inChunks(TAR, 4096), 'test.tar')) await collect(data);
      },
      { code: 'invalid-archive', message: /reads differently to different readers of tar/ },
    );
  });
}
